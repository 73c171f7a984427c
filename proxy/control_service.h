// Answers the requests of the control protocol: looks by a store::Reader, changes by
// OperatorActions. Looking never touches the queue. Rows go out as they are read, a page at a time,
// so that memory does not grow with what is listed. One service belongs to one thread.
#pragma once

#include <functional>

#include "proxy/operator_actions.h"
#include "store/store.h"
#include "wire/reply.h"
#include "wire/request.h"

namespace cordon::proxy {

// Takes one line of the answer; false when the client has gone, and then no more is asked for.
using ReplySink = std::function<bool(const wire::Reply&)>;

class ControlService {
 public:
  // `now` tells what ages are counted from.
  ControlService(OperatorActions& actions, store::Reader& reader,
                 std::function<store::WallTime()> now)
      : actions_(actions), reader_(reader), now_(std::move(now)) {}

  // Any number of rows, then exactly one End or ErrorReply (none if the client has gone). Throws
  // what the Reader throws.
  void serve(const wire::Request& request, wire::Role role, const Caller& who,
             const ReplySink& sink);

 private:
  OperatorActions& actions_;
  store::Reader& reader_;
  std::function<store::WallTime()> now_;
};

}  // namespace cordon::proxy
