#include "services/secret_sweep.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/log.h"
#include "services/sweeping.h"
#include "store/images.h"
#include "store/secrets.h"

namespace ionian::services {
namespace {

constexpr std::size_t kIdBytesMax = 40;

// Functions name secrets in several fields, and so do their options, their buckets and whatever
// comes to have some; in all of them an id is the same text.
void drop_those_in(std::string_view message, std::set<std::string, std::less<>>& ids) {
  const std::string_view prefix = "st-";
  for (std::size_t at = message.find(prefix); at != std::string_view::npos;
       at = message.find(prefix, at + 1)) {
    std::size_t end = at + prefix.size();
    const std::size_t last = std::min(message.size(), at + kIdBytesMax);
    while (end < last && std::isalnum(static_cast<unsigned char>(message[end]))) ++end;
    // What follows it in the message may look like a part of it.
    for (; end > at + prefix.size(); --end)
      if (const auto found = ids.find(message.substr(at, end - at)); found != ids.end())
        ids.erase(found);
  }
}

std::vector<SecretId> unused_secrets(store::Store& store, const store::UnusedSince& since) {
  return store.read([&](store::View& view) {
    std::set<std::string, std::less<>> ids;
    for (const SecretId& id : store::list_unused_secrets(view, since)) ids.insert(id.str());
    if (!ids.empty())
      store::each_mounting(view, since.stopped, [&](const store::Mounting& m) {
        drop_those_in(m.function, ids);
        drop_those_in(m.options, ids);
      });
    return std::vector<SecretId>(ids.begin(), ids.end());
  });
}

Result<void> sweep(store::Store& store, const store::UnusedSince& since) {
  const std::vector<SecretId> unused = unused_secrets(store, since);
  return remove_each(store, unused, [&](store::Tx& tx, const SecretId& id) {
    store::remove_unused_secret(tx, id, since);
  });
}

}  // namespace

void sweep_secrets(store::Store& store, Time now) {
  const store::UnusedSince since{.used = now - kUnusedSecretKept,
                                 .stopped = now - kSecretsOfStoppedAppsKept};
  if (const Result<void> done = sweep(store, since); !done)
    log::warning("unused secrets could not be removed: ", done.error().message);
}

}  // namespace ionian::services
