#include "worker/buckets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace ionian::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TaskBucket a_bucket() {
  TaskBucket bucket;
  bucket.set_name("pictures");
  bucket.set_target("/bucket");
  bucket.set_access_key("AKIDEXAMPLE");
  bucket.set_secret_key("verysecret");
  bucket.set_session_token("atoken");
  bucket.set_region("eu-west-1");
  return bucket;
}

BucketProgram a_program() {
  BucketProgram program;
  program.set_path("/usr/bin/rclone");
  program.add_folders("/usr");
  program.set_ca_bundle("/etc/pem");
  program.set_fusermount("/opt/ionian");
  return program;
}

container::Served served_of(const TaskBucket& bucket) {
  TaskSpec task;
  *task.add_buckets() = bucket;
  *task.mutable_bucket_program() = a_program();
  container::ContainerSpec spec;
  add_buckets(spec, task, "/tasks/one");
  EXPECT_EQ(spec.served_size(), 1);
  EXPECT_TRUE(spec.files().empty() && spec.env().empty());
  return spec.served(0);
}

bool has_args(const container::ContainerSpec& spec, const std::vector<std::string>& wanted) {
  return std::ranges::search(spec.args(), wanted).begin() != spec.args().end();
}

TEST(Buckets, KeysAreInAFileOfTheServerAlone) {
  const container::Served served = served_of(a_bucket());
  EXPECT_EQ(served.target(), "/bucket");
  const container::ContainerSpec& server = served.server();
  ASSERT_EQ(server.files_size(), 1);
  const std::string config = server.files(0).content();
  EXPECT_THAT(config, HasSubstr("\naccess_key_id = AKIDEXAMPLE\n"));
  EXPECT_THAT(config, HasSubstr("\nsecret_access_key = verysecret\n"));
  EXPECT_THAT(config, HasSubstr("\nsession_token = atoken\n"));
  EXPECT_TRUE(server.files(0).path().starts_with("/dev/shm/"));  // never on a disk
  container::ContainerSpec rest = server;
  rest.clear_files();
  for (const char* secret : {"AKIDEXAMPLE", "verysecret", "atoken"})
    EXPECT_THAT(rest.DebugString(), Not(HasSubstr(secret)));
}

TEST(Buckets, OptionsFollowTheMount) {
  TaskBucket bucket = a_bucket();
  container::Served served = served_of(bucket);
  EXPECT_TRUE(has_args(served.server(), {"mount", "bucket:pictures/", "/mnt"}));
  EXPECT_FALSE(has_args(served.server(), {"--read-only"}));
  EXPECT_TRUE(has_args(served.server(), {"--dir-cache-time", "1s"}));
  EXPECT_THAT(served.server().files(0).content(), HasSubstr("\nprovider = AWS\n"));
  EXPECT_THAT(served.server().files(0).content(), HasSubstr("\nforce_path_style = false\n"));
  EXPECT_THAT(served.server().files(0).content(), Not(HasSubstr("requester_pays")));

  bucket.set_prefix("a/b/");
  bucket.set_read_only(true);
  bucket.set_requester_pays(true);
  bucket.set_path_style(true);
  bucket.set_endpoint("http://192.0.2.1:9000");
  bucket.set_metadata_seconds(60);
  served = served_of(bucket);
  EXPECT_TRUE(served.read_only());
  EXPECT_TRUE(has_args(served.server(), {"mount", "bucket:pictures/a/b/", "/mnt"}));
  EXPECT_TRUE(has_args(served.server(), {"--read-only"}));
  EXPECT_TRUE(has_args(served.server(), {"--dir-cache-time", "60s"}));
  const std::string config = served.server().files(0).content();
  for (const char* line :
       {"\nprovider = Other\n", "\nendpoint = http://192.0.2.1:9000\n", "\nrequester_pays = true\n",
        "\nforce_path_style = true\n", "\nregion = eu-west-1\n"})
    EXPECT_THAT(config, HasSubstr(line));
}

TEST(Buckets, WithoutKeysItIsAnybody) {
  TaskBucket bucket = a_bucket();
  bucket.clear_access_key();
  bucket.clear_secret_key();
  bucket.clear_session_token();
  const std::string config = served_of(bucket).server().files(0).content();
  EXPECT_THAT(config, Not(HasSubstr("key_id")));
  EXPECT_THAT(config, HasSubstr("env_auth = false"));
  EXPECT_THAT(explain_check(bucket, "<Error><Code>AccessDenied</Code><Message>No.</Message>"),
              HasSubstr("AccessDenied: No. It is not open to everybody: give the mount a secret"));
}

TEST(Buckets, WhatAStoreSaysIsExplainedWithoutSecrets) {
  const TaskBucket bucket = a_bucket();
  EXPECT_EQ(explain_check(bucket, "x\n<Error><Code>NoSuchBucket</Code><Message>None</Message>\n"),
            "the bucket 'pictures' cannot be mounted at /bucket: its store answers NoSuchBucket: "
            "None. Make the bucket, or mend bucket_name or bucket_endpoint_url");
  const std::string echoed = explain_check(
      bucket, "<Code>Odd\x1b</Code><Message>AKIDEXAMPLE with verysecret and atoken</Message>");
  EXPECT_THAT(echoed, HasSubstr("Odd?: … with … and …"));
  EXPECT_THAT(
      explain_check(bucket,
                    "caused by: Get \"http://a/b\": dial tcp 192.0.2.1:9: connect: "
                    "connection refused\nmore"),
      HasSubstr("cannot be reached: dial tcp 192.0.2.1:9: connect: connection refused. Mend"));
  EXPECT_THAT(explain_check(bucket, "one\nlast line\n"), HasSubstr("understood: last line"));
  EXPECT_THAT(explain_check(bucket, ""), HasSubstr("understood: "));
  EXPECT_LT(explain_check(bucket, std::string(100'000, 'x')).size(), 1000U);
}

// Who asks has the same keys, in the same way, and asks about one folder only.
TEST(Buckets, TheQuestionIsSmall) {
  const auto spec = container_of_check(a_bucket(), a_program(), "ask", "/tasks/ask");
  EXPECT_TRUE(has_args(spec, {"lsf", "bucket:pictures/.ionian-asks/"}));
  EXPECT_EQ(spec.files(0).content(), served_of(a_bucket()).server().files(0).content());
  EXPECT_EQ(spec.network(), container::NETWORK_NAT);
}

}  // namespace
}  // namespace ionian::worker
