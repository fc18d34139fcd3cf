#pragma once
// Dicts: keys and values of bytes, on disk before the client hears of it. One writer at a time and
// reads of what is committed make each key linearizable.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/dict.pb.h"
#include "services/data_objects.h"
#include "services/queue_takes.h"
#include "store/dicts.h"

namespace ionian::services {

class Dicts {
 public:
  explicit Dicts(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;
  static constexpr std::int64_t kLenMax = 100'000;

  // DictGetOrCreate. `data` fills one that is made by this call.
  Result<modal::client::DictGetOrCreateResponse> get_or_create(
      rpc::Call& call, const modal::client::DictGetOrCreateRequest& request, store::Tx& tx);
  Result<modal::client::DictGetByIdResponse> get_by_id(
      rpc::Call& call, const modal::client::DictGetByIdRequest& request, store::View& view);
  Result<modal::client::DictListResponse> list(rpc::Call& call,
                                               const modal::client::DictListRequest& request,
                                               store::View& view);
  Result<Empty> remove(rpc::Call& call, const modal::client::DictDeleteRequest& request,
                       store::Tx& tx);
  Result<Empty> heartbeat(rpc::Call& call, const modal::client::DictHeartbeatRequest& request,
                          store::Tx& tx);

  // DictUpdate. All entries or none. `created` is false only if the key was there and was to be
  // left alone.
  //   errors   NOT_FOUND · INVALID_ARGUMENT too many entries, a value that is too large, or
  //            if_not_exists with several
  Result<modal::client::DictUpdateResponse> update(rpc::Call& call,
                                                   const modal::client::DictUpdateRequest& request,
                                                   store::Tx& tx);
  Result<modal::client::DictGetResponse> get(rpc::Call& call,
                                             const modal::client::DictGetRequest& request,
                                             store::View& view);
  Result<modal::client::DictContainsResponse> contains(
      rpc::Call& call, const modal::client::DictContainsRequest& request, store::View& view);
  // DictPop. A client that asks again with the same key gets the same answer.
  Result<modal::client::DictPopResponse> pop(rpc::Call& call,
                                             const modal::client::DictPopRequest& request,
                                             store::Tx& tx);
  // DictLen. At most 100,000.
  Result<modal::client::DictLenResponse> len(rpc::Call& call,
                                             const modal::client::DictLenRequest& request,
                                             store::View& view);
  Result<Empty> clear(rpc::Call& call, const modal::client::DictClearRequest& request,
                      store::Tx& tx);
  // DictContents. What was there from the first message to the last is in it; what came or went
  // meanwhile may be.
  std::optional<Status> contents(rpc::Call& call, const modal::client::DictContentsRequest& request,
                                 DataWatch&, rpc::Emit<modal::client::DictEntry>& emit);

  Result<void> check(
      const google::protobuf::RepeatedPtrField<modal::client::DictEntry>& entries) const;
  // Entries that were used since then are alive.
  Time alive_since(store::View& view, const store::DataObject& dict, Time now) const;
  // A use is written down once an hour, so that reading does not write.
  void note_use_if_due(const std::string& dict, const std::string& key, Time used_at, Time now);
  void note_uses_if_due(std::span<const store::DictRow> rows, Time now);
  bool is_due(Time used_at, Time now) const {
    return c_.dict_entry_life > 0ns && now - used_at >= kUseIsNotedEvery;
  }

  Context& c_;
};

}  // namespace ionian::services
