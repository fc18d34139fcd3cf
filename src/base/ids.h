#pragma once
// Ids are distinct types, so that an app's can never stand where a task's belongs. On the wire each
// is
// "<prefix>-<body>" with exactly one dash.
#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace ionian {

template <class Kind>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  // Whether the text has this kind's prefix. Says nothing about whether the object exists.
  bool well_formed() const {
    return text_.starts_with(Kind::kPrefix) && text_.size() > Kind::kPrefix.size() &&
           text_.find('-', Kind::kPrefix.size()) == std::string::npos;
  }

  // A fresh id: 22 characters of base 62 (131 bits), or a ULID for kinds that sort by time.
  static Id make(Random& random, Time now) {
    return Id(std::string(Kind::kPrefix) +
              (Kind::kSortsByTime ? random_ulid(random, now) : random_base62(random, 22)));
  }

  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  std::string text_;
};

#define IONIAN_ID(Name, prefix, sorts)                      \
  struct Name##Kind {                                       \
    static constexpr std::string_view kPrefix = prefix "-"; \
    static constexpr bool kSortsByTime = sorts;             \
  };                                                        \
  using Name = Id<Name##Kind>

IONIAN_ID(AppId, "ap", false);
IONIAN_ID(BlobId, "bl", false);
IONIAN_ID(CallId, "fc", true);
IONIAN_ID(ClassId, "cs", false);
IONIAN_ID(DefinitionId, "de", false);
IONIAN_ID(DictId, "di", false);
IONIAN_ID(EnvironmentId, "en", false);
IONIAN_ID(FunctionId, "fu", false);
IONIAN_ID(ImageId, "im", false);
IONIAN_ID(InputId, "in", true);
IONIAN_ID(MountId, "mo", false);
IONIAN_ID(QueueId, "qu", false);
IONIAN_ID(SecretId, "st", false);
IONIAN_ID(ProxyTokenId, "wk", false);
IONIAN_ID(ServiceUserId, "sv", false);
IONIAN_ID(TaskId, "ta", true);
IONIAN_ID(TokenId, "ak", false);
IONIAN_ID(UserId, "us", false);
IONIAN_ID(VolumeId, "vo", false);
IONIAN_ID(WorkspaceId, "ac", false);

#undef IONIAN_ID

// Clients take a task whose id ends in V for one of a V2 sandbox, so a function's task is drawn
// until it does not.
inline TaskId make_function_task_id(Random& random, Time now) {
  for (;;)
    if (TaskId id = TaskId::make(random, now); id.str().back() != 'V') return id;
}

}  // namespace ionian

template <class Kind>
struct std::hash<ionian::Id<Kind>> {
  std::size_t operator()(const ionian::Id<Kind>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
