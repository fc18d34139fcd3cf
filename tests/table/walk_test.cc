// Walks the table of RPCs with every role, and with strangers: each method is allowed exactly where
// roles.txt says, and an object that one may not see answers like one that does not exist: the
// same code, the same text, and the same number of statements in the database.
#include <google/protobuf/descriptor.h>
#include <re2/re2.h>

#include <fstream>
#include <functional>
#include <set>

#include "blobs/hash.h"
#include "modal_proto/function.pb.h"
#include "modal_proto/image.pb.h"
#include "modal_proto/mount.pb.h"
#include "outcome.h"
#include "requests.h"
#include "services/stable_bytes.h"
#include "store/volumes.h"

namespace ionian::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using rpc::Access;

std::map<std::string, std::string> roles() {
  std::ifstream file(ROLES);
  EXPECT_TRUE(file.good());
  std::map<std::string, std::string> found;
  for (std::string line; std::getline(file, line);) {
    const std::size_t blank = line.find(' ');
    if (line.empty() || line[0] == '#') continue;
    EXPECT_TRUE(found.emplace(line.substr(0, blank), line.substr(blank + 1)).second) << line;
  }
  return found;
}

// Who is let through to the handler, said a second time and differently from the pipeline.
bool may_enter(const std::string& role, const World& w, const rpc::Caller& who) {
  const bool token = who.kind == rpc::CallerKind::kToken;
  const bool task = who.kind == rpc::CallerKind::kTask;
  if (role == "anybody") return true;
  if (role == "viewer") return token || task;
  if (role == "contributor") return task || (token && &who != &w.viewer_token);
  if (role == "container") return task;
  if (role == "member") return token;
  if (role == "unlimited") return token && !who.limited;
  if (role == "manager") return &who == &w.owner || &who == &w.manager;
  if (role == "machine-owner") return &who == &w.machine_owner;
  ADD_FAILURE() << "roles.txt knows no role " << role;
  return false;
}

class Fixed final : public rpc::Authenticator {
 public:
  rpc::Caller caller;
  Result<rpc::Caller> authenticate(const rpc::RequestHeaders&, const std::string&) override {
    return caller;
  }
};

TEST(Walk, EveryRoleEntersWhereTheListSays) {
  World w;
  const std::vector<std::pair<std::string, const rpc::Caller*>> callers = {
      {"anonymous", &w.anonymous},       {"machine owner", &w.machine_owner},
      {"container", &w.container},       {"owner", &w.owner},
      {"manager", &w.manager},           {"member", &w.member},
      {"service user", &w.service},      {"viewer token", &w.viewer_token},
      {"member token", &w.member_token}, {"scoped token", &w.scoped_token}};
  Fixed who;
  rpc::Pipeline pipeline(w.whole.table, who, w.whole.numbers, w.whole.clock);
  const auto listed = roles();
  int walked = 0;
  for (const auto& [path, method] : w.whole.table.methods()) {
    const auto role = listed.find(short_name(path));
    if (role == listed.end()) {
      ADD_FAILURE() << short_name(path) << " is not in roles.txt";
      continue;
    }
    for (const auto& [name, caller] : callers) {
      who.caller = *caller;
      rpc::Call call;
      call.method = path;
      const Result<void> admitted = pipeline.admit(method, call);
      EXPECT_EQ(admitted.has_value(), may_enter(role->second, w, *caller))
          << name << " at " << short_name(path);
      if (!admitted) {
        const bool unknown = caller == &w.anonymous;
        EXPECT_EQ(admitted.error().code, unknown ? Code::kUnauthenticated : Code::kPermissionDenied)
            << name << " at " << short_name(path);
      }
      ++walked;
    }
  }
  EXPECT_EQ(walked, static_cast<int>(listed.size() * callers.size()));
}

// Ids and times that differ from one call to the next.
std::string without_chance(std::string text, const std::vector<std::string>& named) {
  for (const std::string& name : named)
    for (std::size_t at; (at = text.find(name)) != std::string::npos;)
      text.replace(at, name.size(), "<it>");
  static const re2::RE2 kFresh(
      "sig=[0-9a-f]+|\\b[a-z]{2}-[0-9A-Za-z]{16,}|[0-9]{9,}(\\.[0-9]+)?|nanos: [0-9]+|eyJ[\\w.-]+|"
      "as-\\w+|ws-\\w+");
  re2::RE2::GlobalReplace(&text, kFresh, "<fresh>");
  return text;
}

struct Walk {
  World w;
  int compared = 0;
  // Between workspaces not even the work may differ. Inside one, a member may learn from the time
  // that something is there; its name and all else stay hidden.
  bool same_work = true;

  using Wanted = std::function<bool(const rpc::Method&, const FieldDescriptor&)>;

  // Each wanted field in turn names an object of `of`, then one that does not exist; all others
  // name objects that the caller has.
  void compare(const rpc::Caller& who, const Objects& own, const Objects& of,
               const Wanted& wanted) {
    for (const auto& [path, method] : w.whole.table.methods()) {
      std::vector<Path> fields;
      collect(*method.request_type, short_name(path), own, {}, fields);
      for (const Path& field : fields)
        if (wanted(method, *field.back())) compare_one(who, own, of, method, fields, field);
    }
  }

  void compare_one(const rpc::Caller& who, const Objects& own, const Objects& of,
                   const rpc::Method& method, const std::vector<Path>& fields, const Path& field) {
    const std::string name = short_name(method.path);
    const std::string foreign = object_for(of, name, *field.back());
    const std::string unknown = unknown_like(foreign);
    const rpc::MessagePtr of_theirs = request_with(method, fields, own, field, foreign);
    const rpc::MessagePtr of_nobody = request_with(method, fields, own, field, unknown);
    // What only the first call does (taking the inputs that wait) is done before.
    (void)outcome_of(w, method, who, *of_nobody);
    Outcome theirs = outcome_of(w, method, who, *of_theirs);
    Outcome nobodys = outcome_of(w, method, who, *of_nobody);
    const std::string where = cat(name, " with a foreign ", field.back()->full_name());
    EXPECT_EQ(theirs.answer.find(foreign) != std::string::npos,
              nobodys.answer.find(unknown) != std::string::npos)
        << where << "\n"
        << theirs.answer << "\n"
        << nobodys.answer;
    theirs.answer = without_chance(theirs.answer, {foreign, unknown});
    nobodys.answer = without_chance(nobodys.answer, {foreign, unknown});
    EXPECT_EQ(theirs.answer, nobodys.answer) << where;
    if (same_work) {
      EXPECT_EQ(theirs.statements, nobodys.statements) << where << ": " << theirs.answer;
    }
    ++compared;
  }
};

bool for_tokens(const rpc::Method& m) {
  return m.access != Access::kContainer && m.access != Access::kOwner;
}
// Its builds go on by themselves and would be counted with whatever is called next.
bool builds(const rpc::Method& m) { return m.path.ends_with("/ImageGetOrCreate"); }

// What clients send beside the id that counts, and no handler reads.
bool is_read(const rpc::Method& method, const FieldDescriptor& field) {
  static const std::set<std::string> kNotRead = {"FunctionPutInputs function_id",
                                                 "FunctionFinishInputs function_id",
                                                 "ClassCreate app_id",
                                                 "MountGetOrCreate app_id",
                                                 "MountGetOrCreate environment_name",
                                                 "VolumeGetOrCreate app_id",
                                                 "VolumeDelete environment_name",
                                                 "SharedVolumeGetOrCreate app_id"};
  const bool nested = field.containing_type() != method.request_type;
  const std::string name = cat(short_name(method.path), ' ', field.name());
  return !kNotRead.contains(name) || (name == "ClassCreate app_id" && !nested);
}

bool lies_in_an_environment(const FieldDescriptor& field) {
  static const std::set<std::string> kFields = {"app_id",
                                                "existing_app_id",
                                                "function_id",
                                                "existing_function_id",
                                                "class_id",
                                                "existing_class_id",
                                                "secret_id",
                                                "secret_ids",
                                                "dict_id",
                                                "queue_id",
                                                "volume_id",
                                                "shared_volume_id",
                                                "function_call_id",
                                                "environment_id",
                                                "task_id",
                                                "environment_name",
                                                "name",
                                                "current_name"};
  return kFields.contains(field.name());
}

TEST(Walk, AnObjectOfAnotherWorkspaceIsNoObject) {
  Walk walk;
  walk.compare(walk.w.stranger, walk.w.b, walk.w.a, [](const auto& method, const auto&) {
    return for_tokens(method) && !builds(method);
  });
  EXPECT_GT(walk.compared, 60);
}

TEST(Walk, AContainerOfAnotherWorkspaceFindsNothingEither) {
  Walk walk;
  walk.compare(walk.w.strange_container, walk.w.b, walk.w.a, [](const auto& method, const auto&) {
    const Access access = method.access;
    return !builds(method) &&
           (access == Access::kContainer || access == Access::kClient || access == Access::kView);
  });
  EXPECT_GT(walk.compared, 40);
}

TEST(Walk, AMemberWithoutAccessToAnEnvironmentFindsNothingInIt) {
  Walk walk;
  walk.same_work = false;
  walk.compare(walk.w.outsider, walk.w.open, walk.w.a, [](const auto& method, const auto& field) {
    return (method.access == Access::kView || method.access == Access::kClient) &&
           !builds(method) && lies_in_an_environment(field);
  });
  EXPECT_GT(walk.compared, 20);
}

TEST(Walk, ATokenForOtherEnvironmentsFindsNothingInThisOne) {
  Walk walk;
  walk.same_work = false;
  rpc::Caller token = walk.w.scoped_token;
  token.only = std::make_shared<const std::vector<EnvironmentId>>(
      std::vector{EnvironmentId(walk.w.open.environment)});
  token.token = TokenId("ak-scoped");
  walk.compare(token, walk.w.open, walk.w.a, [](const auto& method, const auto& field) {
    return (method.access == Access::kView || method.access == Access::kClient) &&
           !builds(method) && lies_in_an_environment(field);
  });
  EXPECT_GT(walk.compared, 20);
}

// Whoever may only look at an environment changes nothing in it, by whatever method.
TEST(Walk, AViewerOfAnEnvironmentChangesNothingInIt) {
  World w;
  int refused = 0;
  for (const auto& [path, method] : w.whole.table.methods()) {
    if (method.access != Access::kClient || builds(method)) continue;
    std::vector<Path> fields;
    collect(*method.request_type, short_name(path), w.a, {}, fields);
    for (const Path& field : fields) {
      if (!lies_in_an_environment(*field.back()) || !is_read(method, *field.back())) continue;
      const std::string theirs = object_for(w.a, short_name(path), *field.back());
      const auto request = request_with(method, fields, w.open, field, theirs);
      const std::string answer = outcome_of(w, method, w.onlooker, *request).answer;
      EXPECT_FALSE(answer.starts_with("OK") || answer.starts_with("waits"))
          << short_name(path) << ' ' << field.back()->full_name() << ": " << answer;
      refused += answer.starts_with("PERMISSION_DENIED");
    }
  }
  EXPECT_GT(refused, 5);
}

// The lines of a build see its secrets: those are asked for like a container's, whether the image
// is built anew or is there.
TEST(Walk, AnImageIsBuiltOnlyWithSecretsThatTheCallerMayUse) {
  World w;
  const rpc::Method& method = *w.whole.table.find(cat(rpc::Table::kModal, "ImageGetOrCreate"));
  const auto request_of = [&](const std::string& secret) {
    modal::client::ImageGetOrCreateRequest request;
    request.set_app_id(w.open.app);
    request.mutable_image()->add_dockerfile_commands("FROM base\nRUN env");
    request.mutable_image()->add_secret_ids(secret);
    return request;
  };
  modal::client::ImageGetOrCreateRequest theirs = request_of(w.a.secret);
  store::Image built{
      .id = ImageId::make(w.whole.random, w.whole.clock.now()),
      .workspace = w.workspace_a,
      .recipe = blobs::sha256_hex(cat("\n\n", services::stable_bytes(theirs.image()))),
      .state = store::ImageState::kBuilt,
      .error = "",
      .built = services::to_json(images::BuiltImage{}, "2025.06")};
  ASSERT_TRUE(w.whole.store->write_now([&](store::Tx& tx) -> Result<void> {
    store::insert_image(tx, built, w.whole.clock.now());
    store::set_image_built(tx, built, true);
    return {};
  }));
  const auto answer = [&](const rpc::Caller& who, const auto& request) {
    return outcome_of(w, method, who, request).answer;
  };
  EXPECT_NE(answer(w.member, theirs).find(built.id.str()), std::string::npos);
  rpc::Caller elsewhere = w.scoped_token;
  elsewhere.only = std::make_shared<const std::vector<EnvironmentId>>(
      std::vector{EnvironmentId(w.open.environment)});
  elsewhere.token = TokenId("ak-scoped");
  const std::string nobodys = unknown_like(w.a.secret);
  for (const bool force : {false, true}) {
    theirs.set_force_build(force);
    for (const rpc::Caller* who : {&w.outsider, &elsewhere, &w.stranger}) {
      const std::string refused = answer(*who, theirs);
      EXPECT_TRUE(refused.starts_with("NOT_FOUND")) << refused;
      EXPECT_EQ(without_chance(refused, {w.a.secret}),
                without_chance(answer(*who, request_of(nobodys)), {nobodys}));
    }
    const std::string refused = answer(w.onlooker, theirs);
    EXPECT_TRUE(refused.starts_with("PERMISSION_DENIED")) << refused;
  }
}

// A container hears the names of the volumes that its functions depend on.
TEST(Walk, AFunctionDependsOnlyOnVolumesThatItsMakerMaySee) {
  World w;
  const rpc::Method& method = *w.whole.table.find(cat(rpc::Table::kModal, "FunctionCreate"));
  const auto answer = [&](const rpc::Caller& who, const std::string& volume) {
    modal::client::FunctionCreateRequest request;
    request.set_app_id(w.open.app);
    request.mutable_function()->set_function_name("f");
    request.mutable_function()->add_object_dependencies()->set_object_id(volume);
    return without_chance(outcome_of(w, method, who, request).answer, {volume});
  };
  EXPECT_TRUE(answer(w.member, w.a.volume).starts_with("OK")) << answer(w.member, w.a.volume);
  EXPECT_TRUE(answer(w.onlooker, w.a.volume).starts_with("OK")) << "it may be read";
  const std::string refused = answer(w.outsider, w.a.volume);
  EXPECT_TRUE(refused.starts_with("NOT_FOUND")) << refused;
  EXPECT_EQ(refused, answer(w.outsider, unknown_like(w.a.volume)));
}

// A content that another workspace has sent answers like one that nobody has.
TEST(Walk, WhatAnotherWorkspaceHasSentIsNotThere) {
  World w;
  const blobs::BlobInfo stored = value(w.whole.blobs.put("what A has written"));
  const std::string& theirs = stored.sha256;
  const std::string nobodys = blobs::sha256_hex("what nobody has written");
  ASSERT_TRUE(w.whole.store->write_now([&](store::Tx& tx) -> Result<void> {
    store::note_sent_file(tx, w.workspace_a, theirs);
    return {};
  }));
  const auto answer = [&](const std::string& name, const rpc::Caller& who, const Message& request) {
    const rpc::Method& method = *w.whole.table.find(cat(rpc::Table::kModal, name));
    const Outcome outcome = outcome_of(w, method, who, request);
    return cat(without_chance(outcome.answer, {theirs, nobodys}), " after ", outcome.statements);
  };
  const auto answers = [&](const rpc::Caller& who, const std::string& hash) {
    modal::client::MountBatchedCheckExistenceRequest check;
    check.add_sha256_hex_hashes(hash);
    modal::client::MountPutFileRequest put;
    put.set_sha256_hex(hash);
    modal::client::MountGetOrCreateRequest make;
    make.add_files()->set_filename("/f");
    make.mutable_files(0)->set_sha256_hex(hash);
    return cat(answer("MountBatchedCheckExistence", who, check), '\n',
               answer("MountPutFile", who, put), '\n', answer("MountGetOrCreate", who, make));
  };
  EXPECT_EQ(answers(w.stranger, theirs), answers(w.stranger, nobodys));
  EXPECT_NE(answers(w.owner, theirs), answers(w.stranger, theirs));
}

// The reply of a list may not hold anything of another workspace, whatever it was asked.
TEST(Walk, NoAnswerNamesAnythingOfAnotherWorkspace) {
  World w;
  int walked = 0;
  for (const auto& [path, method] : w.whole.table.methods()) {
    if (!for_tokens(method)) continue;
    const Outcome outcome = outcome_of(w, method, w.stranger, *method.make_request());
    for (const std::string& id : {w.a.app,
                                  w.a.function,
                                  w.a.class_,
                                  w.a.image,
                                  w.a.mount,
                                  w.a.secret,
                                  w.a.dict,
                                  w.a.queue,
                                  w.a.volume,
                                  w.a.shared_volume,
                                  w.a.blob,
                                  w.a.call,
                                  w.a.input,
                                  w.a.task,
                                  w.a.token,
                                  w.a.service_user,
                                  w.a.service_user_name,
                                  w.a.proxy_token,
                                  w.a.user,
                                  w.a.environment,
                                  w.a.environment_name,
                                  w.workspace_a.str()})
      EXPECT_EQ(outcome.answer.find(id), std::string::npos)
          << short_name(path) << ": " << outcome.answer;
    ++walked;
  }
  EXPECT_GT(walked, 50);
}

}  // namespace
}  // namespace ionian::server
