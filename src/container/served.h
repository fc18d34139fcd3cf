#pragma once
// File systems that programs serve to a container, each in a container of its own beside it: its
// memory, its files and its network are not those of the container that sees the file system.
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "container/id_ranges.h"
#include "container/spec.pb.h"

namespace ionian::container {

// The id of the container that serves one of a container's file systems.
std::string server_id(const std::string& container, int index);

// Mounts what the spec says is served, and launches the servers. The devices are closed when it
// returns: the servers alone hold them, and with the end of one its file system is at an end.
using LaunchServer = std::function<Result<void>(ContainerSpec server, std::vector<UniqueFd> stdio)>;
Result<std::vector<UniqueFd>> serve_all(const ContainerSpec& spec, const IdRange& ids, int err,
                                        const LaunchServer& launch);

// Programs that serve a file system mount it themselves, by a program named fusermount or
// fusermount3. This one stands in its place, in the container of such a server, under both names.
// Without such a question, it becomes the server: the program of its arguments, as nobody, which
// finds the device that is its input again when it asks to mount.
constexpr const char* kFusermount = "fusermount";
bool is_fusermount(const char* program);
int run_fusermount(int argc, char** argv);

}  // namespace ionian::container
