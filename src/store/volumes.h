#pragma once
// Volumes: their trees, and what is known of the bytes of their files.
#include <vector>

#include "store/store.h"

namespace ionian::store {

enum class EntryKind { kGone = 0, kFile = 1, kFolder = 2, kLink = 3 };

struct VolumeEntry {
  std::string path;  // "a/b", without a slash at its ends
  EntryKind kind = EntryKind::kFile;
  std::uint32_t mode = 0644;
  std::int64_t mtime_ns = 0;
  std::uint64_t size = 0;
  std::string content;  // of a file: the id of its content; of a link: where it leads
};

struct Volume {
  std::string id;
  int fs_version = 1;
  std::int64_t version = 0;
  std::int64_t entries = 0;
};

// "a/b" of "a/b/c"; "" of "a".
std::string parent_path(std::string_view path);

void insert_volume(Tx& tx, std::string_view id, int fs_version);
std::optional<Volume> find_volume(View& view, std::string_view id);
void set_volume_version(Tx& tx, const Volume& volume);
// Names are those of objects.
void rename_object(Tx& tx, std::string_view id, std::string_view name);

// None that is gone.
std::optional<VolumeEntry> find_volume_entry(View& view, std::string_view volume,
                                             std::string_view path);
enum class Depth { kChildren, kAll };
// What lies in a folder, by path, after the path `after`.
std::vector<VolumeEntry> list_volume_entries(View& view, std::string_view volume,
                                             std::string_view folder, Depth depth,
                                             std::string_view after, std::size_t max);
bool has_more_children(View& view, std::string_view volume, std::string_view folder,
                       std::int64_t than);
// What became of the tree after this version, by path; removed ones included.
std::vector<VolumeEntry> list_volume_changes(View& view, std::string_view volume,
                                             std::int64_t after);

void put_volume_entry(Tx& tx, const Volume& volume, const VolumeEntry& entry);
// The entry and all below it, or only that; how many there were.
std::int64_t remove_volume_entries(Tx& tx, const Volume& volume, std::string_view path);
std::int64_t remove_volume_children(Tx& tx, const Volume& volume, std::string_view path);
// What the file at `path`, or those below it, have counts as used now: who reads it goes on for a
// while when they have gone.
void use_volume_content(Tx& tx, const Volume& volume, std::string_view path, Time now);
void use_contents_below(Tx& tx, const Volume& volume, std::string_view path, Time now);
// Removals up to this version need not be known any more. All: of all volumes.
void forget_removals(Tx& tx, std::string_view volume, std::int64_t up_to);
void forget_all_removals(Tx& tx);

struct VolumeContent {
  std::string id;  // 32 bytes
  std::uint64_t size = 0;
  std::string blocks;  // 32 bytes each
};
// Also notes the use of one that is known.
void put_volume_content(Tx& tx, const WorkspaceId& workspace, const VolumeContent& content,
                        std::string_view sha256, Time now);
std::optional<VolumeContent> find_volume_content(View& view, const WorkspaceId& workspace,
                                                 std::string_view id);
std::optional<VolumeContent> find_volume_content_of_file(View& view, const WorkspaceId& workspace,
                                                         std::string_view sha256);
struct BlockPlace {
  std::string content;
  std::uint64_t number = 0;
};
std::optional<BlockPlace> find_volume_block(View& view, const WorkspaceId& workspace,
                                            std::string_view block);
struct StoredContent {
  WorkspaceId workspace;
  VolumeContent content;
};
// Of no volume's file, and not used since.
std::vector<StoredContent> list_unused_contents(View& view, Time used_before, std::size_t max);
void remove_volume_content(Tx& tx, const StoredContent& stored);
// All, a page at a time: for their proof.
std::vector<StoredContent> list_volume_contents(View& view, const StoredContent& after,
                                                std::size_t max);
// Of its bytes as one file; "" if nobody has said it.
std::string sha256_of_content(View& view, const WorkspaceId& workspace, std::string_view content);
// Those of a workspace that have a file of this content.
std::vector<std::string> volumes_of_content(View& view, const WorkspaceId& workspace,
                                            std::string_view content);
// The files that have this content, as "VOLUME:/PATH", at most `max`.
std::vector<std::string> places_of_content(View& view, std::string_view content, std::size_t max);

void note_sent_file(Tx& tx, const WorkspaceId& workspace, std::string_view sha256);
bool was_sent(View& view, const WorkspaceId& workspace, std::string_view sha256);
// Its bytes go: nobody has sent it.
void forget_sent_file(Tx& tx, std::string_view sha256);

}  // namespace ionian::store
