#include "services/data_objects.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "services/environments.h"
#include "services/kept_replies.h"
#include "store/people.h"

namespace ionian::services {

const ObjectKind kDictKind = {
    "dict", "Dict", [](Random& random, Time now) { return DictId::make(random, now).str(); }};
const ObjectKind kQueueKind = {
    "queue", "Queue", [](Random& random, Time now) { return QueueId::make(random, now).str(); }};
const ObjectKind kVolumeKind = {
    "volume", "Volume", [](Random& random, Time now) { return VolumeId::make(random, now).str(); }};

std::string creator_name(store::View& view, const rpc::Call& call) {
  const std::string& principal = call.caller.principal;
  if (const auto user = store::find_user(view, UserId(principal))) return user->name;
  return principal;
}

Result<void> check_object_name(std::string_view title, std::string_view name) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= 64 && std::ranges::all_of(name, allowed)) return {};
  return fail(Code::kInvalidArgument, title, " name '", name.substr(0, 80),
              "' is none: 1 to 64 letters, digits, '-', '_' and '.' make one");
}

namespace {

Result<store::DataObject> make(const Context& c, const rpc::Call& call, store::Tx& tx,
                               const ObjectKind& kind, const EnvironmentId& environment,
                               const std::string& name) {
  store::DataObject made{.id = kind.make_id(c.random, call.now),
                         .kind = std::string(kind.kind),
                         .workspace = call.caller.workspace,
                         .environment = environment,
                         .name = name,
                         .created_by = creator_name(tx, call),
                         .created_at = call.now};
  store::insert_object(tx, made);
  return made;
}

}  // namespace

Result<FoundObject> get_or_create_object(const Context& c, rpc::Call& call, store::Tx& tx,
                                         const ObjectKind& kind, const ObjectWish& wish) {
  const int type = wish.creation_type;
  const bool only_look = type == modal::client::OBJECT_CREATION_TYPE_UNSPECIFIED;
  if (!only_look) call.access = rpc::Access::kClient;
  ASSIGN_OR_RETURN(const store::Environment env, environment_of(c, tx, call, wish.environment));
  if (type == modal::client::OBJECT_CREATION_TYPE_EPHEMERAL) {
    ASSIGN_OR_RETURN(store::DataObject made, make(c, call, tx, kind, env.id, ""));
    return FoundObject{.object = std::move(made), .made = true};
  }
  if (type != modal::client::OBJECT_CREATION_TYPE_CREATE_IF_MISSING &&
      type != modal::client::OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS && !only_look)
    return fail(Code::kInvalidArgument, "a ", kind.title,
                " is looked up, made under a name, or ephemeral; not ",
                modal::client::ObjectCreationType_Name(type));
  auto found = store::find_named_object(tx, env.id, kind.kind, wish.name);
  if (found && type == modal::client::OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS)
    return fail(Code::kAlreadyExists, kind.title, " '", wish.name, "' already exists");
  if (found) return FoundObject{.object = std::move(*found)};
  if (only_look) return fail(Code::kNotFound, kind.title, " '", wish.name, "' not found");
  TRY(check_object_name(kind.title, wish.name));
  ASSIGN_OR_RETURN(store::DataObject made, make(c, call, tx, kind, env.id, wish.name));
  return FoundObject{.object = std::move(made), .made = true};
}

Result<store::DataObject> object_of(const Context& c, store::View& view, const rpc::Call& call,
                                    const ObjectKind& kind, const std::string& id) {
  auto found = store::find_object(view, call.caller.workspace, kind.kind, id);
  TRY(c.access.check(call, found ? &found->environment : nullptr, {kind.title, id}));
  return *std::move(found);
}

Result<Empty> delete_object(Context& c, store::Tx& tx, const rpc::Call& call,
                            const ObjectKind& kind, const std::string& id) {
  ASSIGN_OR_RETURN(const store::DataObject object, object_of(c, tx, call, kind, id));
  store::delete_object(tx, object, c.keep_deleted, call.now);
  if (!object.name.empty()) c.audit(tx, call, cat(kind.kind, ".delete"), object.name, object.id);
  keep_reply_of(c, tx, call, Empty());
  return Empty();
}

PageRange page_range(const modal::client::ListPagination& page, Time now) {
  constexpr std::int64_t kMost = 10'000;  // clients of last year ask for all at once
  // Clients send back the time of the last one that they saw, as a double: rounded it is the same.
  // One by the client's own clock has more digits, and what was made in the same millisecond and
  // before it belongs to the page.
  const double given_ms = std::min(page.created_before(), 9e9) * 1000, near = std::round(given_ms);
  const double until_ms = std::abs(given_ms - near) < 0.01 ? near : std::ceil(given_ms);
  const std::int64_t wanted = page.max_objects() > 0 ? page.max_objects() : kMost;
  return {.before = until_ms > 0 ? from_unix_ms(std::llround(until_ms)) : now + 24h,
          .max = std::min(wanted, kMost)};
}

Result<ObjectPage> list_objects_of(const Context& c, store::View& view, const rpc::Call& call,
                                   const ObjectKind& kind, const std::string& environment,
                                   const modal::client::ListPagination& page) {
  ASSIGN_OR_RETURN(const store::Environment env, environment_of(c, view, call, environment));
  const PageRange range = page_range(page, call.now);
  return ObjectPage{
      .environment = env.id,
      .environment_name = env.name,
      .objects = store::list_objects(view, env.id, kind.kind, range.before, range.max)};
}

void keep_reply_of(Context& c, store::Tx& tx, const rpc::Call& call, const rpc::Message& reply) {
  if (call.reply_key.empty()) return;
  const store::KeptReply kept{.key = call.reply_key,
                              .request_hash = call.request_hash,
                              .reply = reply.SerializeAsString(),
                              .at = call.now};
  store::keep_reply(tx, kept);
  const std::uint64_t unseen =
      c.unseen_reply_bytes.fetch_add(kept.reply.size()) + kept.reply.size();
  // A quarter of what they may take may come before somebody looks.
  if (unseen < static_cast<std::uint64_t>(c.data_limits.kept_reply_bytes) / 4) return;
  c.unseen_reply_bytes = 0;
  trim_replies(c.store, c.data_limits);
}

}  // namespace ionian::services
