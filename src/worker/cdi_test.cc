#include "worker/cdi.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/test_folder.h"
#include "worker/yaml.h"

namespace ionian::worker {
namespace {

// In the form that nvidia-container-toolkit writes; LIB stands for a folder with the libraries.
constexpr std::string_view kToolkit = R"(---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/nvidiactl
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  hooks:
  - args:
    - nvidia-cdi-hook
    - create-symlinks
    - --link
    - libcuda.so.1::/usr/lib64/libcuda.so
    hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
  - args:
    - nvidia-cdi-hook
    - update-ldcache
    - --folder
    - /usr/lib64
    hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
  mounts:
  - containerPath: /usr/lib64/libcuda.so.535.104.05
    hostPath: LIB/libcuda.so.535.104.05
    options:
    - ro
    - nosuid
    - nodev
    - bind
  - containerPath: /run/nvidia-persistenced/socket
    hostPath: /run/nvidia-persistenced/socket
    options: [nosuid, bind]
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: "0"
- containerEdits:
    deviceNodes:
    - hostPath: /dev/host-nvidia1
      path: /dev/nvidia1
  name: "1"
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: GPU-4f5c
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
    - path: /dev/nvidia1
  name: all
kind: nvidia.com/gpu
)";

std::string with_lib(std::string text, const std::string& lib) {
  text.replace(text.find("LIB"), 3, lib);
  return text;
}

std::vector<std::string> binds_of(const TaskSpec& task) {
  std::vector<std::string> all;
  for (const TaskBind& b : task.binds())
    all.push_back(cat(b.source(), " ", b.target(),
                      b.device()      ? " device"
                      : b.read_only() ? " ro"
                                      : ""));
  return all;
}

TEST(Cdi, AFileOfTheToolkitGivesEachGpuOnce) {
  const TestFolder folder("cdi");
  const std::string& lib = folder.path();
  ASSERT_TRUE(write_file(lib + "/libcuda.so.535.104.05", "library"));
  std::filesystem::create_symlink("libcuda.so.535.104.05", lib + "/libcuda.so.1");
  const auto devices = parse_cdi(with_lib(std::string(kToolkit), lib), {{0, "H100"}, {1, "L4"}});
  ASSERT_TRUE(devices.has_value()) << devices.error().message;
  ASSERT_EQ(devices->size(), 2u);
  EXPECT_EQ((*devices)[0].name, "nvidia.com/gpu=0");
  EXPECT_EQ((*devices)[0].type, "H100");
  EXPECT_EQ((*devices)[1].type, "UNKNOWN") << "the host's node has no number of the driver's";

  TaskSpec task;
  (*task.mutable_env())["LD_LIBRARY_PATH"] = "/mine";
  give_devices(task, *devices, {"nvidia.com/gpu=1"});
  const std::string cuda = lib + "/libcuda.so.535.104.05";
  EXPECT_EQ(binds_of(task),
            (std::vector<std::string>{
                "/dev/host-nvidia1 /dev/nvidia1 device", "/dev/nvidiactl /dev/nvidiactl device",
                cuda + " /usr/lib64/libcuda.so.535.104.05 ro", cuda + " /usr/lib64/libcuda.so.1 ro",
                "/run/nvidia-persistenced/socket /run/nvidia-persistenced/socket",
                cuda + " /usr/lib64/libcuda.so ro"}));
  EXPECT_EQ(task.env().at("NVIDIA_VISIBLE_DEVICES"), "void");
  EXPECT_EQ(task.env().at("LD_LIBRARY_PATH"), "/mine:/usr/lib64");
}

TEST(Cdi, TwoDevicesShareWhatTheFileGivesWithEach) {
  const auto devices = parse_cdi(with_lib(std::string(kToolkit), "/lib"), {});
  TaskSpec task;
  give_devices(task, *devices, {"nvidia.com/gpu=0", "nvidia.com/gpu=1"});
  const auto binds = binds_of(task);
  EXPECT_EQ(std::ranges::count(binds, "/dev/nvidiactl /dev/nvidiactl device"), 1);
  EXPECT_EQ(
      std::ranges::count_if(binds, [](const std::string& b) { return b.ends_with(" device"); }), 3);
}

TEST(Cdi, JsonIsReadTooAndAnAnnotationNamesTheType) {
  const auto devices = parse_cdi(R"({"cdiVersion": "0.6.0", "kind": "ionian.test/gpu", "devices": [
      {"name": "one", "annotations": {"gpu-type": "T4"},
       "containerEdits": {"deviceNodes": [{"path": "/dev/gpu0", "hostPath": "/dev/full"}]}}]})",
                                 {});
  ASSERT_TRUE(devices.has_value()) << devices.error().message;
  ASSERT_EQ(devices->size(), 1u);
  EXPECT_EQ(devices->at(0).type, "T4");
  EXPECT_EQ(devices->at(0).binds.at(0).source(), "/dev/full");
}

TEST(Cdi, WhatMeansNothingIsRefusedAndOtherKindsAreLeftOut) {
  const auto refusal = [](const std::string& text) {
    const auto devices = parse_cdi(text, {});
    return devices ? "taken" : devices.error().message;
  };
  EXPECT_EQ(refusal("kind: nvidia.com/gpu\n"),
            "it has no cdiVersion, or no kind like nvidia.com/gpu");
  EXPECT_EQ(refusal("[1, 2"), "line 2: did not find expected ',' or ']'");
  EXPECT_EQ(refusal(""), "it has no cdiVersion, or no kind like nvidia.com/gpu");
  EXPECT_EQ(refusal("{cdiVersion: '1', kind: a/gpu, devices: [{name: x, containerEdits: "
                    "{deviceNodes: [{path: dev/x}]}}]}"),
            "device a/gpu=x: 'dev/x' to 'dev/x' is not absolute");
  const auto network = parse_cdi("{cdiVersion: '1', kind: a/nic, devices: [{name: x}]}", {});
  EXPECT_TRUE(network && network->empty());
}

TEST(Cdi, ALaterFolderOverridesAnEarlierOneAndABrokenFileIsLeftOut) {
  const TestFolder first("cdi"), second("cdi"), models("cdi");
  const auto file = [](const std::string& node, const std::string& name) {
    return cat("{cdiVersion: '1', kind: nvidia.com/gpu, devices: [{name: '", name,
               "', containerEdits: {deviceNodes: [{path: ", node, "}]}}]}");
  };
  ASSERT_TRUE(write_file(first / "a.yaml", file("/dev/nvidia0", "0")));
  ASSERT_TRUE(write_file(first / "b.json", "{"));
  ASSERT_TRUE(write_file(first / "c.txt", file("/dev/nvidia7", "7")));
  ASSERT_TRUE(write_file(second / "a.yml", file("/dev/nvidia3", "0")));
  ASSERT_TRUE(make_folders(models / "0000:01:00.0"));
  ASSERT_TRUE(write_file(models / "0000:01:00.0/information",
                         "Model: \t\t NVIDIA A100-SXM4-80GB\nDevice Minor: \t 3\n"));
  const auto devices = read_cdi(
      {.files = {first.path(), second.path(), second / "missing"}, .models = models.path()});
  ASSERT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices[0].binds.at(0).source(), "/dev/nvidia3");
  EXPECT_EQ(devices[0].type, "A100-80GB");
}

TEST(Cdi, ModelsHaveTheNamesThatProgramsUse) {
  EXPECT_EQ(gpu_type_of_model("NVIDIA H100 80GB HBM3"), "H100");
  EXPECT_EQ(gpu_type_of_model("NVIDIA A100-SXM4-40GB"), "A100-40GB");
  EXPECT_EQ(gpu_type_of_model("NVIDIA L4"), "L4");
  EXPECT_EQ(gpu_type_of_model("NVIDIA L40S"), "L40S");
  EXPECT_EQ(gpu_type_of_model("Tesla T4"), "T4");
  EXPECT_EQ(gpu_type_of_model("NVIDIA GeForce RTX 4090"), "GEFORCE-RTX-4090");
}

TEST(Yaml, ATextThatNamesItselfOverAndOverIsRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    text += cat("a", i, ": &a", i, " [");
    for (int n = 0; n < 10; ++n) text += cat(n ? ", " : "", "*a", i - 1);
    text += "]\n";
  }
  EXPECT_FALSE(parse_yaml(text).has_value());
}

}  // namespace
}  // namespace ionian::worker
