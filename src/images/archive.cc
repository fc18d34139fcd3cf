#include "images/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/file.h"
#include "images/owner_shift.h"

namespace ionian::images {
namespace {

constexpr std::size_t kBlock = 1 << 18;
constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";

struct FreeRead {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct FreeWrite {
  void operator()(archive* a) const { archive_write_free(a); }
};
using Reader = std::unique_ptr<archive, FreeRead>;
using Writer = std::unique_ptr<archive, FreeWrite>;

std::unexpected<Status> archive_fail(const std::string& path, archive* a) {
  const char* text = archive_error_string(a);
  return fail(Code::kInvalidArgument, "unpack ", path, ": ", text ? text : "not an archive");
}

Result<Reader> open_archive(const std::string& path) {
  Reader reader(archive_read_new());
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_zip(reader.get());
  if (archive_read_open_filename(reader.get(), path.c_str(), kBlock) != ARCHIVE_OK)
    return archive_fail(path, reader.get());
  return reader;
}

// Null where the archive's bytes are a name in no encoding that it says they are of.
const char* name_of(archive_entry* entry) {
  const char* name = archive_entry_pathname(entry);
  return name ? name : archive_entry_pathname_utf8(entry);
}

// "./usr//bin/" -> "usr/bin"; nothing for a name that leads upwards.
std::optional<std::string> clean(const char* raw) {
  if (!raw) return std::nullopt;
  std::string out;
  for (const auto& part : std::filesystem::path(raw)) {
    if (part == ".." || part.native().size() > 255) return std::nullopt;
    if (part.empty() || part == "." || part == "/") continue;
    if (!out.empty()) out += '/';
    out += part.native();
  }
  return out;
}

// Attributes of overlayfs in a foreign archive could point a folder anywhere in the image.
void keep_safe_attributes(archive_entry* entry) {
  std::vector<std::pair<std::string, std::string>> kept;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  archive_entry_xattr_reset(entry);
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    const std::string_view text(name);
    if (text == "security.capability" ||
        (text.starts_with("user.") && !text.starts_with("user.overlay.")))
      kept.emplace_back(name, std::string(static_cast<const char*>(value), size));
  }
  archive_entry_xattr_clear(entry);
  for (const auto& [key, bytes] : kept)
    archive_entry_xattr_add_entry(entry, key.c_str(), bytes.data(), bytes.size());
}

class Unpacker {
 public:
  Unpacker(const std::string& path, std::string into, const Unpack& how)
      : path_(path), into_(std::move(into)), how_(how), disk_(archive_write_disk_new()) {
    int flags = ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_UNLINK;
    if (how.as != UnpackAs::kPlain)
      flags |= ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_ACL;
    archive_write_disk_set_options(disk_.get(), flags);
  }

  Result<void> run(archive* reader) {
    for (;;) {
      if (how_.cancelled && how_.cancelled->load())
        return fail(Code::kCancelled, "unpacking was cancelled");
      archive_entry* entry = nullptr;
      const int got = archive_read_next_header(reader, &entry);
      if (got == ARCHIVE_EOF) break;
      if (got < ARCHIVE_WARN) return archive_fail(path_, reader);
      TRY(take(reader, entry));
    }
    if (archive_write_close(disk_.get()) < ARCHIVE_WARN) return archive_fail(path_, disk_.get());
    return {};
  }

 private:
  Result<void> take(archive* reader, archive_entry* entry) {
    const char* raw = name_of(entry);
    if (!raw) return fail(Code::kInvalidArgument, path_, " has an entry whose name is no text");
    const std::optional<std::string> name = clean(raw);
    if (!name)
      return fail(Code::kInvalidArgument, path_, " has a name that leads out of it: ", raw);
    if (name->empty() || (how_.wanted && !how_.wanted(*name))) return {};
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFCHR || type == AE_IFBLK) return {};
    if (how_.as == UnpackAs::kOciLayer) {
      const std::string_view base = std::string_view(*name).substr(name->rfind('/') + 1);
      if (base.starts_with(kWhiteout)) return white_out(*name, base);
    }
    if (how_.as == UnpackAs::kPlain) {
      if (type != AE_IFREG && type != AE_IFDIR) return {};
      archive_entry_set_perm(entry, type == AE_IFDIR ? 0755 : 0644);
    }
    if (archive_entry_hardlink(entry)) {
      const std::optional<std::string> target = clean(archive_entry_hardlink(entry));
      if (!target)
        return fail(Code::kInvalidArgument, path_, ": the link ", *name, " leads out of it");
      archive_entry_set_hardlink(entry, cat(into_, "/", *target).c_str());
    }
    keep_safe_attributes(entry);
    archive_entry_set_pathname(entry, cat(into_, "/", *name).c_str());
    return write(reader, entry);
  }

  Result<void> write(archive* reader, archive_entry* entry) {
    if (archive_write_header(disk_.get(), entry) < ARCHIVE_WARN)
      return archive_fail(path_, disk_.get());
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    for (;;) {
      const int got = archive_read_data_block(reader, &block, &size, &offset);
      if (got == ARCHIVE_EOF) break;
      if (got < ARCHIVE_WARN) return archive_fail(path_, reader);
      if (how_.bound) TRY(how_.bound->add(size));
      if (how_.cancelled && how_.cancelled->load())
        return fail(Code::kCancelled, "unpacking was cancelled");
      if (archive_write_data_block(disk_.get(), block, size, offset) < ARCHIVE_WARN)
        return archive_fail(path_, disk_.get());
    }
    if (archive_write_finish_entry(disk_.get()) < ARCHIVE_WARN)
      return archive_fail(path_, disk_.get());
    return {};
  }

  Result<void> white_out(const std::string& name, std::string_view base) {
    const std::string path = cat(into_, "/", name);
    const std::string folder = path.substr(0, path.rfind('/'));
    TRY(make_real_folders(folder));
    if (base == kOpaque) return mark_opaque(folder);
    const std::string gone = cat(folder, "/", base.substr(kWhiteout.size()));
    if (base.size() == kWhiteout.size() || gone.ends_with("/.") || gone.ends_with("/.."))
      return fail(Code::kInvalidArgument, path_, " has the invalid whiteout ", name);
    struct stat info;
    // The layer may bring a new file under a name that it hides: the file wins.
    if (::lstat(gone.c_str(), &info) == 0) return {};
    if (::mknod(gone.c_str(), S_IFCHR, makedev(0, 0)) != 0) return sys_fail(cat("hide ", name));
    return {};
  }

  // Folders below into_, none of which is a symbolic link.
  Result<void> make_real_folders(const std::string& folder) {
    for (std::size_t slash = into_.size(); slash != std::string::npos;) {
      slash = folder.find('/', slash + 1);
      const std::string part = folder.substr(0, slash);
      struct stat info;
      if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) return sys_fail(cat("make ", part));
      if (::lstat(part.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
        return fail(Code::kInvalidArgument, path_, ": ", part, " is not a folder");
    }
    return {};
  }

  const std::string path_;
  const std::string into_;
  const Unpack& how_;
  Writer disk_;
};

}  // namespace

Result<void> unpack(const std::string& archive, const std::string& into, const Unpack& how) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(into, error);
  if (error) return fail(Code::kInternal, "unpack into ", into, ": ", error.message());
  ASSIGN_OR_RETURN(const Reader reader, open_archive(archive));
  return Unpacker(archive, real, how).run(reader.get());
}

Result<std::string> read_member(const std::string& archive, std::string_view name,
                                std::size_t limit) {
  ASSIGN_OR_RETURN(const Reader reader, open_archive(archive));
  archive_entry* entry = nullptr;
  int got = ARCHIVE_OK;
  while ((got = archive_read_next_header(reader.get(), &entry)) >= ARCHIVE_WARN &&
         got != ARCHIVE_EOF) {
    if (clean(name_of(entry)) != name) continue;
    std::string out(limit + 1, '\0');
    const la_ssize_t n = archive_read_data(reader.get(), out.data(), out.size());
    if (n < 0) return archive_fail(archive, reader.get());
    if (static_cast<std::size_t>(n) > limit)
      return fail(Code::kInvalidArgument, name, " in ", archive, " is larger than ", limit,
                  " bytes");
    out.resize(static_cast<std::size_t>(n));
    return out;
  }
  if (got != ARCHIVE_EOF) return archive_fail(archive, reader.get());
  return fail(Code::kNotFound, archive, " has no member ", name);
}

}  // namespace ionian::images
