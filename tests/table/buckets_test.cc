// What a function's cloud buckets become, without a store to ask.
#include "services/buckets.h"

#include <sched.h>
#include <sys/mount.h>

#include <thread>

#include "worker/buckets.h"
#include "world.h"

namespace ionian::server {
namespace {

using modal::client::CloudBucketMount;

class BucketsTest : public testing::Test {
 protected:
  // The variables of the secret of A.
  void seal(const std::string& variables) {
    ASSERT_TRUE(w.whole.store->write_now([&](store::Tx& tx) -> Result<void> {
      store::update_secret(tx, SecretId(w.a.secret), w.whole.key.seal(variables, w.whole.random));
      return {};
    }));
  }
  static CloudBucketMount mount(CloudBucketMount::BucketType type) {
    CloudBucketMount made;
    made.set_bucket_name("pictures");
    made.set_mount_path("/pictures");
    made.set_bucket_type(type);
    return made;
  }
  CloudBucketMount with_secret(CloudBucketMount made) {
    made.set_credentials_secret_id(w.a.secret);
    return made;
  }
  // What its task gets; the error's text where it gets none.
  std::string bucket_of(const CloudBucketMount& asked) {
    modal::client::Function function;
    *function.add_cloud_bucket_mounts() = asked;
    worker::TaskSpec spec;
    const Result<void> added =
        services::add_buckets(w.whole.context, w.workspace_a, function, spec);
    if (!added) return added.error().message;
    const worker::TaskBucket& b = spec.buckets(0);
    return cat(b.access_key(), ' ', b.secret_key(), ' ', b.region(),
               b.path_style() ? " by path" : " by host", b.requester_pays() ? ", pays" : "");
  }
  std::string check(const CloudBucketMount& asked, int times = 1) {
    modal::client::Function function;
    function.set_function_name("f");
    for (int i = 0; i < times; ++i) *function.add_cloud_bucket_mounts() = asked;
    rpc::Call call;
    call.caller = w.owner;
    const Result<void> checked = w.whole.store->read([&](store::View& view) {
      return services::check_buckets(w.whole.context, view, call, function);
    });
    return checked ? "fine" : checked.error().message;
  }

  World w;
};

TEST_F(BucketsTest, EachKindOfStoreHasItsKeysAndItsRegion) {
  seal(R"({"AWS_ACCESS_KEY_ID": "ak", "AWS_SECRET_ACCESS_KEY": "sk"})");
  EXPECT_EQ(bucket_of(mount(CloudBucketMount::S3)), "  us-east-1 by host");
  EXPECT_EQ(bucket_of(with_secret(mount(CloudBucketMount::S3))), "ak sk us-east-1 by host");
  EXPECT_EQ(bucket_of(with_secret(mount(CloudBucketMount::R2))), "ak sk auto by path");
  EXPECT_EQ(bucket_of(with_secret(mount(CloudBucketMount::GCP))), "ak sk auto by path");
  seal(R"({"AWS_ACCESS_KEY_ID": "ak", "AWS_SECRET_ACCESS_KEY": "sk", "AWS_REGION": "eu-west-1",
           "GOOGLE_ACCESS_KEY_ID": "gk", "GOOGLE_ACCESS_KEY_SECRET": "gs"})");
  EXPECT_EQ(bucket_of(with_secret(mount(CloudBucketMount::S3))), "ak sk eu-west-1 by host");
  EXPECT_EQ(bucket_of(with_secret(mount(CloudBucketMount::GCP))), "gk gs eu-west-1 by path");
  CloudBucketMount paid = with_secret(mount(CloudBucketMount::S3));
  paid.set_requester_pays(true);
  EXPECT_EQ(bucket_of(paid), "ak sk eu-west-1 by host, pays");
}

TEST_F(BucketsTest, AKeyThatIsMissingIsNamed) {
  seal(R"({"AWS_ACCESS_KEY_ID": "ak"})");
  EXPECT_EQ(bucket_of(with_secret(mount(CloudBucketMount::S3))),
            "the secret of the cloud bucket 'pictures' lacks AWS_ACCESS_KEY_ID or "
            "AWS_SECRET_ACCESS_KEY");
  seal(R"({"GOOGLE_ACCESS_KEY_ID": "gk"})");
  EXPECT_EQ(bucket_of(with_secret(mount(CloudBucketMount::GCP))),
            "the secret of the cloud bucket 'pictures' lacks GOOGLE_ACCESS_KEY_ID or "
            "GOOGLE_ACCESS_KEY_SECRET");
}

TEST_F(BucketsTest, WhatCannotBeServedIsRefusedWithTheFunction) {
  EXPECT_EQ(check(mount(CloudBucketMount::S3), 8), "fine");
  EXPECT_EQ(check(mount(CloudBucketMount::S3), 9),
            "function f mounts 9 cloud buckets, and 8 are the most for one container "
            "(--function-buckets-max)");
  CloudBucketMount free = mount(CloudBucketMount::S3);
  free.set_requester_pays(true);
  EXPECT_EQ(check(free),
            "cloud bucket at '/pictures': requester_pays needs a secret: somebody has to pay");
  EXPECT_EQ(check(with_secret(free)), "fine");
  CloudBucketMount foreign = mount(CloudBucketMount::S3);
  foreign.set_credentials_secret_id(w.b.secret);
  EXPECT_NE(check(foreign).find("not found"), std::string::npos) << check(foreign);
}

TEST_F(BucketsTest, WithoutRcloneTheMendIsNamed) {
  std::string said;
  // For this thread alone the program is a file that nobody may run.
  std::thread elsewhere([&] {
    ASSERT_EQ(::unshare(CLONE_FS | CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    for (const char* path : {"/usr/bin/rclone", "/usr/local/bin/rclone"}) {
      const bool there = ::access(path, X_OK) == 0;
      ASSERT_TRUE(!there || ::mount("/dev/null", path, nullptr, MS_BIND, nullptr) == 0);
    }
    said = check(mount(CloudBucketMount::S3));
  });
  elsewhere.join();
  EXPECT_NE(said.find("apt-get install rclone"), std::string::npos) << said;
}

}  // namespace
}  // namespace ionian::server
