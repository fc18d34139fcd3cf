// usage: FUZZ_TEST CORPUS_FOLDER SECONDS [SEED]    Runs a fuzz target without libFuzzer: every file
// of the corpus, then mutations of them, in the same order for the same seed, for some seconds
// ($IONIAN_FUZZ_SECONDS overrules). A crash leaves the input that did it in the file "crash-input".
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t bound) { return bound == 0 ? 0 : random() % bound; }

std::string mutate(Random& random, std::string text, const std::vector<std::string>& corpus) {
  static constexpr std::string_view kBytes = "[]{}=.,\"'\\#\n\r\t 0a_-\xef\xbb\xbf\xff";
  for (std::size_t n = 1 + below(random, 4); n > 0; --n) {
    const std::size_t at = below(random, text.size() + 1);
    const std::size_t length = std::min(below(random, 12), text.size() - at);
    switch (below(random, 5)) {
      case 0:
        text.insert(at, 1, kBytes[below(random, kBytes.size())]);
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        if (at < text.size()) text[at] = kBytes[below(random, kBytes.size())];
        break;
      case 3:
        text.insert(at, text.substr(below(random, text.size()), 1 + below(random, 30)));
        break;
      default: {
        const std::string& other = corpus[below(random, corpus.size())];
        text.insert(at, other.substr(below(random, other.size()), below(random, 60)));
      }
    }
  }
  return text;
}

// A slow machine tries as many at least.
constexpr long kLeast = 500;

std::string_view running;  // what a crash is to keep

void keep_input(int signal) {
  const int fd = ::open("crash-input", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  [[maybe_unused]] const ssize_t written = ::write(fd, running.data(), running.size());
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void run(const std::string& text) {
  running = text;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  std::vector<std::string> paths, corpus;
  for (const auto& one : std::filesystem::directory_iterator(argv[1])) paths.push_back(one.path());
  std::ranges::sort(paths);
  for (const std::string& path : paths) {
    std::ifstream in(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS}) ::signal(signal, keep_input);
  for (const std::string& text : corpus) run(text);
  Random random(argc > 3 ? std::stoull(argv[3]) : 1);
  const char* overruled = std::getenv("IONIAN_FUZZ_SECONDS");
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::seconds(std::stol(overruled ? overruled : argv[2]));
  long mutations = 0;
  for (; mutations < kLeast || std::chrono::steady_clock::now() < end; ++mutations)
    run(mutate(random, corpus[below(random, corpus.size())], corpus));
  std::printf("%zu files, %ld mutations\n", corpus.size(), mutations);
}
