#include "store/content_queue.h"

namespace cordon::store {
namespace {

ContentJob make_job(Batch batch, Store::Done done, MessageId& lane) {
  ContentJob job;
  bool found = false;
  const auto content_of = [&](MessageId message, std::size_t octets) {
    if (!found) lane = message;
    found = true;
    job.octets += octets;
  };
  for (const Command& command : batch) {
    if (const auto* append = std::get_if<AppendBody>(&command)) {
      content_of(append->message, append->bytes.size());
    } else if (const auto* drop = std::get_if<DropBody>(&command)) {
      content_of(drop->message, 0);
    } else {
      job.has_rows = true;
      const auto* accept = std::get_if<Accept>(&command);
      if (accept != nullptr) content_of(accept->message.id, accept->bytes.size());
    }
  }
  job.batch = std::move(batch);
  job.done = std::move(done);
  return job;
}

}  // namespace

void ContentQueue::add(Batch batch, Store::Done done) {
  MessageId message{};
  ContentJobs one;
  one.push_back(make_job(std::move(batch), std::move(done), message));
  std::list<MessageId> place{message};
  ContentJobs& lane = lanes_[message];
  // From here on nothing can fail.
  if (lane.empty()) order_.splice(order_.end(), place);
  lane.splice(lane.end(), one);
}

void ContentQueue::take(ContentJobs& turn, std::size_t octets) {
  std::size_t taken = 0;
  while (!order_.empty() && (taken < octets || turn.empty())) {
    const auto lane = lanes_.find(order_.front());
    turn.splice(turn.end(), lane->second, lane->second.begin());
    taken += turn.back().octets;
    if (lane->second.empty()) {
      lanes_.erase(lane);
      order_.pop_front();
    } else {
      order_.splice(order_.end(), order_, order_.begin());
    }
  }
}

}  // namespace cordon::store
