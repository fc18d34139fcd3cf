// A program that is nothing but a spawner: what tests and benchmarks start in place of the server's
// own executable.
#include <cstdlib>
#include <cstring>

#include "container/spawner_process.h"

int main(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[1], "spawner") != 0) return 2;
  return ionian::container::run_spawner(std::atoi(argv[2]));
}
