#include "services/standby_key.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace ionian::services {
namespace {

worker::TaskSpec task() {
  worker::TaskSpec spec;
  spec.set_network(true);
  spec.mutable_standby()->add_lowers("/layers/one");
  spec.mutable_standby()->add_lowers("/layers/two");
  (*spec.mutable_standby()->mutable_env())["LANG"] = "C.UTF-8";
  (*spec.mutable_standby()->mutable_env())["PATH"] = "/bin";
  return spec;
}

std::string key_of(const std::function<void(worker::TaskSpec&)>& change) {
  worker::TaskSpec spec = task();
  change(spec);
  return standby_key(WorkspaceId("ac-1"), EnvironmentId("en-1"), spec);
}

TEST(StandbyKey, TasksOfOneKindShareOne) {
  const std::string key = key_of([](auto&) {});
  EXPECT_EQ(key, key_of([](worker::TaskSpec& spec) {
              spec.set_task_id("ta-2");
              spec.add_lowers("/mounts/program");
              (*spec.mutable_env())["SECRET"] = "plum";
              spec.set_memory_bytes(1 << 20);
              spec.set_workdir("/elsewhere");
            }));
}

TEST(StandbyKey, OthersDoNot) {
  std::set<std::string> keys{key_of([](auto&) {}),
                             standby_key(WorkspaceId("ac-2"), EnvironmentId("en-1"), task()),
                             standby_key(WorkspaceId("ac-1"), EnvironmentId("en-2"), task()),
                             // What ends in one of them does not begin the other.
                             standby_key(WorkspaceId("ac-1en"), EnvironmentId("-1"), task())};
  using Spec = worker::TaskSpec;
  for (const std::function<void(Spec&)>& change : {
           std::function<void(Spec&)>([](Spec& spec) { spec.set_user("web"); }),
           std::function<void(Spec&)>([](Spec& spec) { spec.set_network(false); }),
           std::function<void(Spec&)>(
               [](Spec& spec) { spec.mutable_standby()->add_lowers("/layers/three"); }),
           std::function<void(Spec&)>(
               [](Spec& spec) { spec.mutable_standby()->mutable_lowers()->SwapElements(0, 1); }),
           std::function<void(Spec&)>(
               [](Spec& spec) { (*spec.mutable_standby()->mutable_env())["LANG"] = "C"; }),
           std::function<void(Spec&)>(
               [](Spec& spec) { (*spec.mutable_standby()->mutable_env())["TZ"] = "UTC"; }),
       })
    keys.insert(key_of(change));
  EXPECT_EQ(keys.size(), 10u);
}

}  // namespace
}  // namespace ionian::services
