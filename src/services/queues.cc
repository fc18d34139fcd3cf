#include "services/queues.h"

#include <charconv>

namespace ionian::services {
namespace {

using rpc::Access;

Result<store::PartitionKey> partition_of(const std::string& queue, const std::string& key) {
  if (key.size() <= Queues::kKeyBytes) return store::PartitionKey{.queue = queue, .key = key};
  return fail(Code::kInvalidArgument, "a partition's key has at most ", Queues::kKeyBytes,
              " bytes, not ", key.size());
}

}  // namespace

void Queues::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  // Making one needs more; the handler sees to that.
  on("QueueGetOrCreate", &Queues::get_or_create, Access::kView);
  on("QueueGetById", &Queues::get_by_id, Access::kView);
  on("QueueList", &Queues::list, Access::kView);
  on("QueueDelete", &Queues::remove);
  on("QueueHeartbeat", &Queues::heartbeat);
  on("QueuePut", &Queues::put);
  on("QueueGet", &Queues::get);
  on("QueueNextItems", &Queues::next_items, Access::kView);
  on("QueueLen", &Queues::len, Access::kView);
  on("QueueClear", &Queues::clear);
}

Result<modal::client::QueueGetOrCreateResponse> Queues::get_or_create(
    rpc::Call& call, const modal::client::QueueGetOrCreateRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const FoundObject found,
                   get_or_create_object(c_, call, tx, kQueueKind,
                                        {.name = request.deployment_name(),
                                         .environment = request.environment_name(),
                                         .creation_type = request.object_creation_type()}));
  modal::client::QueueGetOrCreateResponse reply;
  reply.set_queue_id(found.object.id);
  fill_metadata(*reply.mutable_metadata(), found.object);
  if (found.made) keep_reply_of(c_, tx, call, reply);
  return reply;
}

Result<modal::client::QueueGetByIdResponse> Queues::get_by_id(
    rpc::Call& call, const modal::client::QueueGetByIdRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::DataObject queue,
                   object_of(c_, view, call, kQueueKind, request.queue_id()));
  modal::client::QueueGetByIdResponse reply;
  reply.set_queue_id(queue.id);
  fill_metadata(*reply.mutable_metadata(), queue);
  return reply;
}

Result<modal::client::QueueListResponse> Queues::list(
    rpc::Call& call, const modal::client::QueueListRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const ObjectPage page,
                   list_objects_of(c_, view, call, kQueueKind, request.environment_name(),
                                   request.pagination()));
  modal::client::QueueListResponse reply;
  reply.set_environment_name(page.environment_name);
  for (const store::DataObject& queue : page.objects) {
    auto& row = *reply.add_queues();
    const store::QueueSize size = store::size_of_queue(view, queue.id, call.now);
    const std::int64_t limit = request.total_size_limit();
    row.set_name(queue.name);
    row.set_created_at(to_unix_seconds(queue.created_at));
    row.set_queue_id(queue.id);
    row.set_num_partitions(static_cast<std::int32_t>(size.partitions));
    row.set_total_size(
        static_cast<std::int32_t>(limit > 0 ? std::min(limit, size.items) : size.items));
    fill_metadata(*row.mutable_metadata(), queue);
  }
  return reply;
}

Result<Queues::Empty> Queues::remove(rpc::Call& call,
                                     const modal::client::QueueDeleteRequest& request,
                                     store::Tx& tx) {
  call.after_commit([this, queue = request.queue_id()] { takes_.gone(queue); });
  return delete_object(c_, tx, call, kQueueKind, request.queue_id());
}

Result<Queues::Empty> Queues::heartbeat(rpc::Call& call,
                                        const modal::client::QueueHeartbeatRequest& request,
                                        store::Tx& tx) {
  TRY(object_of(c_, tx, call, kQueueKind, request.queue_id()));
  store::note_beat(tx, request.queue_id(), call.now);
  return Empty();
}

// Clients know requests that are too large by the number in the text.
Result<std::int64_t> Queues::size_of(const modal::client::QueuePutRequest& request) const {
  const DataLimits& limits = c_.data_limits;
  std::size_t bytes = 0;
  for (const std::string& value : request.values()) {
    if (value.size() > limits.queue_item_bytes)
      return fail(Code::kInvalidArgument, "status = '413': an item has at most ",
                  limits.queue_item_bytes, " bytes, not ", value.size());
    bytes += value.size();
  }
  if (request.values_size() > limits.queue_items || bytes > limits.queue_partition_bytes)
    return fail(Code::kInvalidArgument, "status = '413': a partition holds at most ",
                limits.queue_items, " items and ", limits.queue_partition_bytes,
                " bytes, and these are ", request.values_size(), " of ", bytes, " bytes");
  return static_cast<std::int64_t>(bytes);
}

Result<Queues::Empty> Queues::put(rpc::Call& call, const modal::client::QueuePutRequest& request,
                                  store::Tx& tx) {
  TRY(object_of(c_, tx, call, kQueueKind, request.queue_id()));
  ASSIGN_OR_RETURN(const store::PartitionKey key,
                   partition_of(request.queue_id(), request.partition_key()));
  ASSIGN_OR_RETURN(const std::int64_t bytes, size_of(request));
  if (request.values_size() == 0) return Empty();
  const DataLimits& limits = c_.data_limits;
  const auto partition = store::find_partition(tx, key, call.now);
  if (partition &&
      (partition->items + request.values_size() > limits.queue_items ||
       partition->bytes + bytes > static_cast<std::int64_t>(limits.queue_partition_bytes)))
    return fail(Code::kResourceExhausted, "the partition is full: it holds ", partition->items,
                " items of ", partition->bytes, " bytes, and at most ", limits.queue_items, " of ",
                limits.queue_partition_bytes);
  if (!partition &&
      store::has_partitions(tx, request.queue_id(), limits.queue_partitions, call.now))
    return fail(Code::kResourceExhausted, "the queue has ", limits.queue_partitions,
                " partitions, and no more are possible until one of them expires");
  const int seconds = request.partition_ttl_seconds();
  const std::vector<std::string_view> values(request.values().begin(), request.values().end());
  store::put_items(tx, key, partition, values, call.now,
                   seconds > 0 ? 1s * seconds : limits.queue_partition_life);
  keep_reply_of(c_, tx, call, Empty());
  call.after_commit([this, key] { takes_.came(key); });
  return Empty();
}

std::optional<Result<modal::client::QueueGetResponse>> Queues::get(
    rpc::Call& call, const modal::client::QueueGetRequest& request, QueueTakes&) {
  const auto queue = c_.store.read(
      [&](store::View& view) { return object_of(c_, view, call, kQueueKind, request.queue_id()); });
  if (!queue) return std::unexpected(queue.error());
  if (const auto key = partition_of(request.queue_id(), request.partition_key()); !key)
    return std::unexpected(key.error());
  if (request.n_values() < 0)
    return fail(Code::kInvalidArgument, "n_values is ", request.n_values(), "; 1 is the least");
  return std::nullopt;
}

std::optional<Result<modal::client::QueueNextItemsResponse>> Queues::next_items(
    rpc::Call& call, const modal::client::QueueNextItemsRequest& request, DataWatch&) {
  constexpr std::int64_t kItems = 100;
  using Answer = std::optional<Result<modal::client::QueueNextItemsResponse>>;
  const auto key = partition_of(request.queue_id(), request.partition_key());
  if (!key) return std::unexpected(key.error());
  std::int64_t after = 0;
  const std::string& id = request.last_entry_id();
  const auto end = std::from_chars(id.data(), id.data() + id.size(), after).ptr;
  if (end != id.data() + id.size() || after < 0)
    return fail(Code::kInvalidArgument, "'", id, "' is no entry id of a queue");
  modal::client::QueueNextItemsResponse reply;
  const Result<void> read = c_.store.read([&](store::View& view) -> Result<void> {
    TRY(object_of(c_, view, call, kQueueKind, request.queue_id()));
    const auto partition = store::find_partition(view, *key, call.now);
    if (!partition) return {};
    for (store::QueueItem& item :
         store::peek_items(view, *partition, after, kItems, QueueTakes::kReplyBytes)) {
      auto& into = *reply.add_items();
      into.set_value(std::move(item.value));
      into.set_entry_id(cat(item.number));
    }
    return {};
  });
  if (!read) return std::unexpected(read.error());
  if (reply.items_size() > 0 || call.timed_out || !(request.item_poll_timeout() > 0))
    return Answer(std::move(reply));
  call.wait_until(call.now + from_seconds(std::min<double>(request.item_poll_timeout(), 300)));
  call.watch(QueueTakes::watch_key(*key));
  return std::nullopt;
}

Result<modal::client::QueueLenResponse> Queues::len(rpc::Call& call,
                                                    const modal::client::QueueLenRequest& request,
                                                    store::View& view) {
  TRY(object_of(c_, view, call, kQueueKind, request.queue_id()));
  ASSIGN_OR_RETURN(const store::PartitionKey key,
                   partition_of(request.queue_id(), request.partition_key()));
  if (request.total() && !request.partition_key().empty())
    return fail(Code::kInvalidArgument, "the length is either of a partition or in total");
  modal::client::QueueLenResponse reply;
  std::int64_t items = 0;
  if (request.total())
    items = store::size_of_queue(view, request.queue_id(), call.now).items;
  else if (const auto partition = store::find_partition(view, key, call.now))
    items = partition->items;
  reply.set_len(static_cast<std::int32_t>(items));
  return reply;
}

Result<Queues::Empty> Queues::clear(rpc::Call& call,
                                    const modal::client::QueueClearRequest& request,
                                    store::Tx& tx) {
  TRY(object_of(c_, tx, call, kQueueKind, request.queue_id()));
  ASSIGN_OR_RETURN(const store::PartitionKey key,
                   partition_of(request.queue_id(), request.partition_key()));
  if (request.all_partitions() && !request.partition_key().empty())
    return fail(Code::kInvalidArgument, "either one partition is cleared, or all of them");
  if (request.all_partitions())
    store::clear_queue(tx, request.queue_id());
  else
    store::clear_partition(tx, key);
  keep_reply_of(c_, tx, call, Empty());
  return Empty();
}

}  // namespace ionian::services
