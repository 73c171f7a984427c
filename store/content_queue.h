// What waits for the content writer: batches in lanes, one a message, served in turn, so that a
// message with many pieces queued holds up no other. The order within a lane is that of submission.
//
// Not for two threads at once. take() allocates nothing.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <vector>

#include "store/placed_body.h"
#include "store/store.h"

namespace cordon::store {

struct ContentJob {
  Batch batch;
  Store::Done done;
  std::size_t octets = 0;  // of content in the batch
  bool has_rows = false;   // more than AppendBody and DropBody: goes on to the group writer
  bool unsynced = false;   // `placed` has slots that were not synced yet
  std::vector<MessageId> appended;  // one entry for each piece written by this batch
  std::vector<PlacedBody> placed;   // of its Accepts
  Answer answer;
};
using ContentJobs = std::list<ContentJob>;

class ContentQueue {
 public:
  // The lane is that of the first message whose content the batch has.
  void add(Batch batch, Store::Done done);
  // Moves batches to the end of `turn`, one a lane at a time, until it has about `octets`.
  void take(ContentJobs& turn, std::size_t octets);
  bool empty() const { return order_.empty(); }

 private:
  std::unordered_map<MessageId, ContentJobs> lanes_;  // none is empty
  std::list<MessageId> order_;                        // the next to be served first
};

}  // namespace cordon::store
