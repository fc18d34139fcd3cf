#pragma once
// Replies that outlive the server, and what has had its time on disk.
#include "rpc/pipeline.h"
#include "services/data_limits.h"
#include "store/history.h"
#include "store/replies.h"
#include "store/store.h"

namespace ionian::services {

// Finds the reply that was kept with a write.
rpc::IdempotentReplies::Recall recall_of(store::Store& store);

// Gives the pipeline the replies that a former life has kept with its writes, of large ones only
// that there are such. Before there are calls.
void remember_replies(store::Store& store, rpc::Pipeline& pipeline, Time now);

// Removes the oldest that are too many. The search goes on beside the writers.
void trim_replies(store::Store& store, const DataLimits& limits);

// Results go 7 days after their call was done; that there was such a call is known for 30. Replies
// go with the time in which clients repeat requests.
void remove_what_is_old(store::Store& store, const store::HistoryLimits& history, Time now);

}  // namespace ionian::services
