// `file_reads FILE READS`: reads FILE once in order and READS times 4 KiB from anywhere in it, and
// prints the ms of both. A program of its own, so that it is the same inside a container and
// outside.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

namespace {

double ms_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began)
      .count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: file_reads FILE READS\n"), 2;
  const int fd = ::open(argv[1], O_RDONLY | O_CLOEXEC);
  const off_t size = fd < 0 ? -1 : ::lseek(fd, 0, SEEK_END);
  if (size < 4096) return std::perror(argv[1]), 1;
  std::vector<char> piece(1 << 20);
  auto began = std::chrono::steady_clock::now();
  for (off_t at = 0; at < size;) at += ::pread(fd, piece.data(), piece.size(), at);
  const double in_order = ms_since(began);
  std::mt19937_64 chance(1);
  std::vector<off_t> places(static_cast<std::size_t>(std::atoi(argv[2])));
  for (off_t& place : places)
    place = static_cast<off_t>(chance() % (static_cast<std::uint64_t>(size) / 4096) * 4096);
  began = std::chrono::steady_clock::now();
  for (const off_t place : places)
    if (::pread(fd, piece.data(), 4096, place) != 4096) return std::perror("read"), 1;
  std::printf("%.3f %.3f\n", in_order, ms_since(began));
}
