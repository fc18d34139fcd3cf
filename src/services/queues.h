#pragma once
// Queues: items of bytes in partitions, first in, first out, on disk before the client hears of it.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/queue.pb.h"
#include "services/data_objects.h"
#include "services/queue_takes.h"

namespace ionian::services {

class Queues {
 public:
  Queues(Context& context, QueueTakes& takes) : c_(context), takes_(takes) {}
  void bind(rpc::Table& table);

  static constexpr std::size_t kKeyBytes = 64;

 private:
  using Empty = google::protobuf::Empty;

  Result<modal::client::QueueGetOrCreateResponse> get_or_create(
      rpc::Call& call, const modal::client::QueueGetOrCreateRequest& request, store::Tx& tx);
  Result<modal::client::QueueGetByIdResponse> get_by_id(
      rpc::Call& call, const modal::client::QueueGetByIdRequest& request, store::View& view);
  // QueueList. `total_size` of each is at most the limit that is asked for.
  Result<modal::client::QueueListResponse> list(rpc::Call& call,
                                                const modal::client::QueueListRequest& request,
                                                store::View& view);
  // QueueDelete. Those that wait for its items hear of it.
  Result<Empty> remove(rpc::Call& call, const modal::client::QueueDeleteRequest& request,
                       store::Tx& tx);
  Result<Empty> heartbeat(rpc::Call& call, const modal::client::QueueHeartbeatRequest& request,
                          store::Tx& tx);

  // QueuePut. All values or none; a partition lives for its time after the last put, the
  // server's if none is said.
  //   errors   NOT_FOUND · RESOURCE_EXHAUSTED the partition is full, which clients wait for ·
  //            INVALID_ARGUMENT a value, a key or a put that never fits
  Result<Empty> put(rpc::Call& call, const modal::client::QueuePutRequest& request, store::Tx& tx);
  // QueueGet (waits, in queue_takes.h). Up to n_values of one partition, the oldest first.
  //   out      no values when the time is up
  //   errors   NOT_FOUND · INVALID_ARGUMENT
  std::optional<Result<modal::client::QueueGetResponse>> get(
      rpc::Call& call, const modal::client::QueueGetRequest& request, QueueTakes& takes);
  // QueueNextItems (poll). Items after the one whose entry id is named, which stay where they are.
  std::optional<Result<modal::client::QueueNextItemsResponse>> next_items(
      rpc::Call& call, const modal::client::QueueNextItemsRequest& request, DataWatch&);
  Result<modal::client::QueueLenResponse> len(rpc::Call& call,
                                              const modal::client::QueueLenRequest& request,
                                              store::View& view);
  Result<Empty> clear(rpc::Call& call, const modal::client::QueueClearRequest& request,
                      store::Tx& tx);

  // What can never fit.
  Result<std::int64_t> size_of(const modal::client::QueuePutRequest& request) const;

  Context& c_;
  QueueTakes& takes_;
};

}  // namespace ionian::services
