#include "core/devices.h"

#include <algorithm>
#include <map>

#include "base/cat.h"

namespace ionian::core {

bool is_of_type(const Device& device, std::string_view wanted) {
  if (wanted.ends_with('!')) wanted.remove_suffix(1);
  if (wanted == "ANY" || wanted == device.type) return true;
  return device.type.size() > wanted.size() && device.type.starts_with(wanted) &&
         device.type[wanted.size()] == '-';
}

bool Devices::has(const GpuWish& wish) const {
  const auto fits = [&](const Device& d) { return is_of_type(d, wish.type); };
  return static_cast<std::size_t>(std::ranges::count_if(all_, fits)) >= wish.count;
}

std::vector<std::string> Devices::find(const GpuWish& wish) const {
  std::vector<std::string> names;
  for (const Device& d : all_)
    if (names.size() < wish.count && is_of_type(d, wish.type) && !used_.contains(d.name))
      names.push_back(d.name);
  if (names.size() < wish.count) names.clear();
  return names;
}

bool Devices::free_for(const std::vector<GpuWish>& wishes) const {
  return wishes.empty() ||
         std::ranges::any_of(wishes, [this](const GpuWish& w) { return !find(w).empty(); });
}

std::optional<std::vector<std::string>> Devices::take(const std::vector<GpuWish>& wishes) {
  if (wishes.empty()) return std::vector<std::string>();
  for (const GpuWish& wish : wishes) {
    std::vector<std::string> names = find(wish);
    if (names.empty()) continue;
    used_.insert(names.begin(), names.end());
    return names;
  }
  return std::nullopt;
}

void Devices::give_back(const std::vector<std::string>& names) {
  for (const std::string& name : names) used_.erase(name);
}

bool Devices::would_help(const std::vector<std::string>& names,
                         const std::vector<GpuWish>& wishes) const {
  return std::ranges::any_of(all_, [&](const Device& d) {
    return std::ranges::find(names, d.name) != names.end() &&
           std::ranges::any_of(wishes, [&](const GpuWish& w) { return is_of_type(d, w.type); });
  });
}

std::string Devices::text() const {
  std::map<std::string, int> counts;
  for (const Device& d : all_) ++counts[d.type];
  std::string text;
  for (const auto& [type, count] : counts)
    text += cat(text.empty() ? "" : ", ", count, " × ", type);
  return text.empty() ? "no GPU" : text;
}

}  // namespace ionian::core
