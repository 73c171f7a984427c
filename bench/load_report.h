// What a run found, as one line of JSON. All times are microseconds but `seconds` and `cpu_s`.
//
//   accepted, refused, lost, errors   in the window of measuring (bench/load_engine.h); what each
//                                     counts is told in bench/load_tally.h
//   accepted_in_all                   with those outside the window: what the server must have
//   seconds, rate                     of the window; accepted messages a second
//   octets                            of the content of the accepted ones; message_octets: of one
//   dot_us, phases_us                 as the phases of bench/load_tally.h; p50 and p99 within 1 %;
//                                     0 if none fell into the window
//   late_us                           open loop only: begun so much after its time
//   cpu_s                             of the generator itself in the window
#pragma once

#include <string>

#include "bench/load_plan.h"
#include "bench/load_tally.h"

namespace cordon::bench {

std::string report(const Plan& plan, const Tally& tally);

}  // namespace cordon::bench
