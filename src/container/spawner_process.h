#pragma once

namespace ionian::container {

// The main of the spawner: a small process with one thread, from which every container is cloned.
// It serves the messages of spec.proto on `socket_fd` until the other side closes it or dies; then
// it kills all containers, removes whatever it has made, and returns the exit status.
int run_spawner(int socket_fd);

}  // namespace ionian::container
