#pragma once
// The machine's GPUs: each is given to one container at a time.
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ionian::core {

struct Device {
  std::string name;
  std::string type;  // "H100", "A100-80GB"
};

// So many of one type: an alternative that a function takes.
struct GpuWish {
  std::string type;
  std::uint32_t count = 1;
};

// "A100" is any A100, "ANY" any type at all; "H100!" is H100 and nothing better.
bool is_of_type(const Device& device, std::string_view wanted);

class Devices {
 public:
  void offer(std::vector<Device> all) { all_ = std::move(all); }
  const std::vector<Device>& all() const { return all_; }
  // Whether the machine has them, perhaps in use.
  bool has(const GpuWish& wish) const;
  // The first alternative that is free now, as names; they are in use from then on.
  std::optional<std::vector<std::string>> take(const std::vector<GpuWish>& wishes);
  bool free_for(const std::vector<GpuWish>& wishes) const;
  void give_back(const std::vector<std::string>& names);
  // Whether one of these devices would do for one of the wishes.
  bool would_help(const std::vector<std::string>& names, const std::vector<GpuWish>& wishes) const;
  // "2 × H100, 1 × L4"; "no GPU".
  std::string text() const;

 private:
  std::vector<std::string> find(const GpuWish& wish) const;

  std::vector<Device> all_;
  std::set<std::string> used_;
};

}  // namespace ionian::core
