#pragma once
// Reads the files of all volumes from the disk, again and again and slowly, so that one whose bytes
// have changed there is found before many have read it.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "volumes/contents.h"

namespace ionian::volumes {

class Prover {
 public:
  struct Options {
    std::uint64_t bytes_per_second = 16 << 20;  // 0: reads nothing
    Duration first_after = 1min;                // the server's start is left alone
    Duration between = 24h;                     // the end of a round and the next one
  };
  Prover(store::Store& store, const Contents& contents, Random& random, Options options);
  // Does not wait for the end of a file.
  ~Prover();

 private:
  void main();
  // All contents once, from a random one on: a server that never lives long proves all the same.
  // False: it is to stop.
  bool prove_all();
  bool prove_from(store::StoredContent after, const store::StoredContent* up_to);
  // False: it is to stop.
  bool rest(Duration time);

  store::Store& store_;
  const Contents& contents_;
  Random& random_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace ionian::volumes
