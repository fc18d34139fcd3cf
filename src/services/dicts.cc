#include "services/dicts.h"

#include "store/workspaces.h"

namespace ionian::services {

using modal::client::DictEntry;
using rpc::Access;

void Dicts::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  // Making one needs more; the handler sees to that.
  on("DictGetOrCreate", &Dicts::get_or_create, Access::kView);
  on("DictGetById", &Dicts::get_by_id, Access::kView);
  on("DictList", &Dicts::list, Access::kView);
  on("DictDelete", &Dicts::remove);
  on("DictHeartbeat", &Dicts::heartbeat);
  on("DictUpdate", &Dicts::update);
  on("DictGet", &Dicts::get, Access::kView);
  on("DictContains", &Dicts::contains, Access::kView);
  on("DictPop", &Dicts::pop);
  on("DictLen", &Dicts::len, Access::kView);
  on("DictClear", &Dicts::clear);
  on("DictContents", &Dicts::contents, Access::kView);
}

Time Dicts::alive_since(store::View& view, const store::DataObject& dict, Time now) const {
  if (c_.dict_entry_life == 0ns) return Time{};
  if (!c_.dicts_kept_in.empty()) {
    const auto env = store::find_environment_by_id(view, dict.workspace, dict.environment);
    if (env && c_.dicts_kept_in.contains(env->name)) return Time{};
  }
  return now - c_.dict_entry_life - kUseIsNotedEvery;
}

void Dicts::note_use_if_due(const std::string& dict, const std::string& key, Time used_at,
                            Time now) {
  if (!is_due(used_at, now)) return;
  c_.store.write(
      [=](store::Tx& tx) -> Result<void> {
        store::note_use(tx, dict, key, now);
        return {};
      },
      {});
}

void Dicts::note_uses_if_due(std::span<const store::DictRow> rows, Time now) {
  std::vector<std::int64_t> due;
  for (const store::DictRow& row : rows)
    if (is_due(row.used_at, now)) due.push_back(row.number);
  if (due.empty()) return;
  c_.store.write(
      [due = std::move(due), now](store::Tx& tx) -> Result<void> {
        store::note_uses(tx, due, now);
        return {};
      },
      {});
}

// Clients know requests that are too large by the number in the text.
Result<void> Dicts::check(const google::protobuf::RepeatedPtrField<DictEntry>& entries) const {
  if (entries.size() > c_.data_limits.dict_updates)
    return fail(Code::kInvalidArgument, "an update has at most ", c_.data_limits.dict_updates,
                " entries, not ", entries.size());
  for (const DictEntry& entry : entries)
    if (entry.value().size() > c_.data_limits.dict_value_bytes)
      return fail(Code::kInvalidArgument, "status = '413': a value has at most ",
                  c_.data_limits.dict_value_bytes, " bytes, not ", entry.value().size());
  return {};
}

Result<modal::client::DictGetOrCreateResponse> Dicts::get_or_create(
    rpc::Call& call, const modal::client::DictGetOrCreateRequest& request, store::Tx& tx) {
  TRY(check(request.data()));
  ASSIGN_OR_RETURN(const FoundObject found,
                   get_or_create_object(c_, call, tx, kDictKind,
                                        {.name = request.deployment_name(),
                                         .environment = request.environment_name(),
                                         .creation_type = request.object_creation_type()}));
  if (found.made)
    for (const DictEntry& entry : request.data())
      store::put_entry(tx, found.object.id, entry.key(), entry.value(), call.now);
  modal::client::DictGetOrCreateResponse reply;
  reply.set_dict_id(found.object.id);
  fill_metadata(*reply.mutable_metadata(), found.object);
  if (found.made) keep_reply_of(c_, tx, call, reply);
  return reply;
}

Result<modal::client::DictGetByIdResponse> Dicts::get_by_id(
    rpc::Call& call, const modal::client::DictGetByIdRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::DataObject dict,
                   object_of(c_, view, call, kDictKind, request.dict_id()));
  modal::client::DictGetByIdResponse reply;
  reply.set_dict_id(dict.id);
  fill_metadata(*reply.mutable_metadata(), dict);
  return reply;
}

Result<modal::client::DictListResponse> Dicts::list(rpc::Call& call,
                                                    const modal::client::DictListRequest& request,
                                                    store::View& view) {
  ASSIGN_OR_RETURN(
      const ObjectPage page,
      list_objects_of(c_, view, call, kDictKind, request.environment_name(), request.pagination()));
  modal::client::DictListResponse reply;
  reply.set_environment_name(page.environment_name);
  for (const store::DataObject& dict : page.objects) {
    auto& row = *reply.add_dicts();
    row.set_name(dict.name);
    row.set_created_at(to_unix_seconds(dict.created_at));
    row.set_dict_id(dict.id);
    fill_metadata(*row.mutable_metadata(), dict);
  }
  return reply;
}

Result<Dicts::Empty> Dicts::remove(rpc::Call& call, const modal::client::DictDeleteRequest& request,
                                   store::Tx& tx) {
  return delete_object(c_, tx, call, kDictKind, request.dict_id());
}

Result<Dicts::Empty> Dicts::heartbeat(rpc::Call& call,
                                      const modal::client::DictHeartbeatRequest& request,
                                      store::Tx& tx) {
  TRY(object_of(c_, tx, call, kDictKind, request.dict_id()));
  store::note_beat(tx, request.dict_id(), call.now);
  return Empty();
}

Result<modal::client::DictUpdateResponse> Dicts::update(
    rpc::Call& call, const modal::client::DictUpdateRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::DataObject dict,
                   object_of(c_, tx, call, kDictKind, request.dict_id()));
  TRY(check(request.updates()));
  if (request.if_not_exists() && request.updates_size() != 1)
    return fail(Code::kInvalidArgument, "only one entry at a time can be put if it is not there");
  modal::client::DictUpdateResponse reply;
  reply.set_created(true);
  for (const DictEntry& entry : request.updates()) {
    const bool there =
        request.if_not_exists() &&
        store::find_entry(tx, request.dict_id(), entry.key(), alive_since(tx, dict, call.now));
    if (there)
      reply.set_created(false);
    else
      store::put_entry(tx, request.dict_id(), entry.key(), entry.value(), call.now);
  }
  // A second attempt could neither tell whether the key was there before, nor that somebody has
  // written since.
  keep_reply_of(c_, tx, call, reply);
  return reply;
}

Result<modal::client::DictGetResponse> Dicts::get(rpc::Call& call,
                                                  const modal::client::DictGetRequest& request,
                                                  store::View& view) {
  ASSIGN_OR_RETURN(const store::DataObject dict,
                   object_of(c_, view, call, kDictKind, request.dict_id()));
  modal::client::DictGetResponse reply;
  auto found =
      store::find_entry(view, request.dict_id(), request.key(), alive_since(view, dict, call.now));
  reply.set_found(found.has_value());
  if (!found) return reply;
  note_use_if_due(request.dict_id(), request.key(), found->used_at, call.now);
  reply.set_value(std::move(found->value));
  return reply;
}

Result<modal::client::DictContainsResponse> Dicts::contains(
    rpc::Call& call, const modal::client::DictContainsRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::DataObject dict,
                   object_of(c_, view, call, kDictKind, request.dict_id()));
  modal::client::DictContainsResponse reply;
  const auto found =
      store::find_entry(view, request.dict_id(), request.key(), alive_since(view, dict, call.now));
  reply.set_found(found.has_value());
  if (found) note_use_if_due(request.dict_id(), request.key(), found->used_at, call.now);
  return reply;
}

Result<modal::client::DictPopResponse> Dicts::pop(rpc::Call& call,
                                                  const modal::client::DictPopRequest& request,
                                                  store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::DataObject dict,
                   object_of(c_, tx, call, kDictKind, request.dict_id()));
  modal::client::DictPopResponse reply;
  auto found =
      store::find_entry(tx, request.dict_id(), request.key(), alive_since(tx, dict, call.now));
  reply.set_found(found.has_value());
  if (!found) return reply;
  reply.set_value(std::move(found->value));
  store::remove_entry(tx, request.dict_id(), request.key());
  keep_reply_of(c_, tx, call, reply);
  return reply;
}

Result<modal::client::DictLenResponse> Dicts::len(rpc::Call& call,
                                                  const modal::client::DictLenRequest& request,
                                                  store::View& view) {
  ASSIGN_OR_RETURN(const store::DataObject dict,
                   object_of(c_, view, call, kDictKind, request.dict_id()));
  modal::client::DictLenResponse reply;
  reply.set_len(static_cast<std::int32_t>(
      store::count_entries(view, request.dict_id(), alive_since(view, dict, call.now), kLenMax)));
  return reply;
}

Result<Dicts::Empty> Dicts::clear(rpc::Call& call, const modal::client::DictClearRequest& request,
                                  store::Tx& tx) {
  TRY(object_of(c_, tx, call, kDictKind, request.dict_id()));
  store::clear_dict(tx, request.dict_id());
  keep_reply_of(c_, tx, call, Empty());
  return Empty();
}

std::optional<Status> Dicts::contents(rpc::Call& call,
                                      const modal::client::DictContentsRequest& request, DataWatch&,
                                      rpc::Emit<DictEntry>& emit) {
  struct Reading {
    std::int64_t after = 0;
  };
  Reading& reading = call.state<Reading>();
  return c_.store.read([&](store::View& view) -> std::optional<Status> {
    const auto dict = object_of(c_, view, call, kDictKind, request.dict_id());
    if (!dict) return dict.error();
    std::vector<store::DictRow> rows =
        store::list_entries(view, request.dict_id(), alive_since(view, *dict, call.now),
                            {.after = reading.after, .values = request.values()});
    if (rows.empty()) return Status::ok_status();
    reading.after = rows.back().number;
    note_uses_if_due(rows, call.now);
    for (store::DictRow& row : rows) {
      DictEntry entry;
      if (request.keys()) entry.set_key(std::move(row.key));
      if (request.values()) entry.set_value(std::move(row.value));
      emit(std::move(entry));
    }
    return std::nullopt;
  });
}

}  // namespace ionian::services
