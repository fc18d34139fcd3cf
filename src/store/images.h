#pragma once
// Images and mounts: what containers see of a file system.
#include <vector>

#include "store/store.h"

namespace ionian::store {

enum class ImageState { kBuilding = 0, kBuilt = 1, kFailed = 2 };

struct Image {
  ImageId id;
  WorkspaceId workspace;
  std::string recipe;
  ImageState state = ImageState::kBuilding;
  std::string error;
  std::string built;  // layers and configuration as JSON
};

// Of all workspaces.
std::vector<Image> list_built_images(View& view);
void insert_image(Tx& tx, const Image& image, Time now);
std::optional<Image> find_image(View& view, const WorkspaceId& workspace, const ImageId& id);
// The newest built or building image of a recipe that the cache may give out.
std::optional<Image> find_image_by_recipe(View& view, const WorkspaceId& workspace,
                                          std::string_view recipe);
// `cached`: later identical recipes find it; earlier ones of the recipe leave the cache.
void set_image_built(Tx& tx, const Image& image, bool cached);
void set_image_failed(Tx& tx, const ImageId& id, std::string_view error);

// Builds that a former life of the server left behind.
void fail_unfinished_images(Tx& tx, std::string_view error);

struct Mount {
  MountId id;
  WorkspaceId workspace;      // empty = global
  EnvironmentId environment;  // of a named one that is not global
  std::string name;
  std::string checksum;
  std::string files;  // serialized modal.client.MountGetOrCreateRequest
  std::string tree;   // folder of a mount that the server made itself; else ""
};

void insert_mount(Tx& tx, const Mount& mount, Time now);
// Mounts of the workspace and global ones.
std::optional<Mount> find_mount(View& view, const WorkspaceId& workspace, const MountId& id);
std::optional<Mount> find_mount_by_checksum(View& view, const WorkspaceId& workspace,
                                            std::string_view checksum);
std::optional<Mount> find_mount_by_name(View& view, const WorkspaceId& workspace,
                                        const EnvironmentId& environment, std::string_view name);
// A client has asked for it.
void note_mount_use(Tx& tx, const MountId& id, Time now);
// The name is that of another one from now on.
void take_mount_name(Tx& tx, const MountId& id);
// Of all workspaces.
void each_mount(View& view, const std::function<void(const Mount&)>& seen);

// Anonymous ones that nobody has asked for since.
std::vector<MountId> list_unused_mounts(View& view, Time used_before);
bool any_mount_has(View& view, std::string_view checksum);
void remove_unused_mount(Tx& tx, const MountId& id, Time used_before);
// Of functions, and of their former versions and variants, of apps that have not been stopped, or
// not before then.
struct Mounting {
  std::string function;  // serialized modal.client.Function
  std::string options;   // or modal.client.FunctionOptions
};
void each_mounting(View& view, Time stopped_after,
                   const std::function<void(const Mounting&)>& seen);

}  // namespace ionian::store
