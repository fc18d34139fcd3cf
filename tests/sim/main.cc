// ionian-sim: runs the core through simulated worlds.
//
//   ionian-sim --seeds 2000             seeds 1 … 2000, and those that have failed before
//   ionian-sim --first 5000 --seeds 10  seeds 5000 … 5009
//   ionian-sim --seed 17 -v             one seed, step by step
//   ionian-sim --decisions              time per scheduling decision with few and many inputs
//   pending
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "sim/decisions.h"
#include "sim/simulation.h"

namespace ionian::sim {
namespace {

constexpr unsigned kSecondsPerSeed = 30;
char hang_text[64];

void say_hang(int) {
  (void)!::write(STDERR_FILENO, hang_text, std::strlen(hang_text));
  ::_exit(1);
}

struct Options {
  std::uint64_t first = 1, seeds = 2000;
  bool one = false, verbose = false, decisions = false;
};

bool read_number(const char* text, std::uint64_t& into) {
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), into);
  return error == std::errc{} && *end == '\0';
}

bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "-v") {
      options.verbose = true;
      continue;
    }
    if (name == "--decisions") {
      options.decisions = true;
      continue;
    }
    if (i + 1 == argc) return false;
    if (name == "--seeds") {
      if (!read_number(argv[++i], options.seeds)) return false;
    } else if (name == "--first") {
      if (!read_number(argv[++i], options.first)) return false;
    } else if (name == "--seed") {
      if (!read_number(argv[++i], options.first)) return false;
      options.seeds = 1;
      options.one = true;
    } else {
      return false;
    }
  }
  return true;
}

// One seed a line, then the reason.
std::vector<std::uint64_t> failed_before() {
  std::vector<std::uint64_t> seeds;
  std::ifstream file(FAILED_SEEDS);
  CHECK(file.good());
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') seeds.push_back(std::stoull(line));
  return seeds;
}

bool run_seed(std::uint64_t seed, bool verbose, std::uint64_t& steps) {
  std::snprintf(hang_text, sizeof hang_text, "seed %llu hangs\n",
                static_cast<unsigned long long>(seed));
  ::alarm(kSecondsPerSeed);
  Simulation simulation(seed, verbose);
  const std::string violated = simulation.run();
  steps += simulation.steps();
  if (violated.empty()) return true;
  std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(seed), violated.c_str());
  return false;
}

int run(const Options& options) {
  ::signal(SIGALRM, say_hang);
  std::uint64_t failed = 0, steps = 0, runs = 0;
  if (!options.one)
    for (const std::uint64_t seed : failed_before())
      failed += !run_seed(seed, false, steps), ++runs;
  for (std::uint64_t i = 0; i < options.seeds && failed < 20; ++i, ++runs)
    failed += !run_seed(options.first + i, options.verbose, steps);
  ::alarm(0);
  std::printf("%llu runs, %llu steps, %llu failed\n", static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(steps), static_cast<unsigned long long>(failed));
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace ionian::sim

int main(int argc, char** argv) {
  ionian::sim::Options options;
  if (!ionian::sim::read_options(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: ionian-sim [--seeds N] [--first S] [--seed S] [-v] [--decisions]\n");
    return 2;
  }
  if (options.decisions) {
    ionian::sim::print_decisions();
    return 0;
  }
  return ionian::sim::run(options);
}
