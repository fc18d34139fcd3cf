#include <limits.h>
#include <stdlib.h>

#include <iostream>

#include "cli/admin.h"
#include "cli/pages.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

struct Options : AdminOptions {
  std::string tag, path;
};

// The server has a working folder of its own.
std::string absolute(const std::string& path) {
  char* found = ::realpath(path.c_str(), nullptr);
  if (!found) die(cat(path, ": no such file or folder"));
  std::string out = found;
  ::free(found);
  return out;
}

void import(const Options& options) {
  BaseImageImportRequest request;
  request.set_tag(options.tag);
  request.set_path(absolute(options.path));
  const Spinner spinner(cat("Importing ", options.tag));
  const auto reply = ask_server<BaseImageImportResponse>(options, "BaseImageImport", request, 1h);
  if (options.json)
    std::cout << Json{{"tag", options.tag}, {"layers", reply.layers()}}.dump() << "\n";
  else
    print_done(cat("Imported ", options.tag, ", of ", reply.layers(), " layers"));
}

void list(const Options& options) {
  const auto reply =
      ask_server<BaseImageListResponse>(options, "BaseImageList", BaseImageListRequest());
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& i : reply.images()) {
    const Json python = i.python_version().empty() ? Json() : Json(i.python_version());
    json.push_back({{"tag", i.tag()},
                    {"source", i.source()},
                    {"layers", i.layers()},
                    {"python_version", python}});
    rows.push_back({i.tag(), i.source(), std::to_string(i.layers()), i.python_version()});
  }
  if (options.json) return print_json(json);
  print_table({"Tag", "From", "Layers", "Python"}, rows);
}

void remove(const Options& options) {
  BaseImageRemoveRequest request;
  request.set_tag(options.tag);
  ask_server<BaseImageRemoveResponse>(options, "BaseImageRemove", request);
  if (options.json)
    std::cout << Json{{"tag", options.tag}, {"removed", true}}.dump() << "\n";
  else
    print_done(cat("Removed ", options.tag));
}

}  // namespace

void add_image(Command app) {
  const auto options = std::make_shared<Options>();
  Command image = app.add_subcommand("image", "Base images that the server keeps");
  image.require_subcommand();
  Command in = image.add_subcommand("import", "Take an image from a file or folder");
  in.add_option("TAG", options->tag, "As programs name it: ubuntu:24.04").required();
  in.add_option("PATH", options->path, "OCI layout, docker save, or a tar of a root file system")
      .required();
  finish_admin(in, kImagePage, options, import);
  finish_admin(image.add_subcommand("list", "List the images"), kImagePage, options, list);
  Command out = image.add_subcommand("remove", "Forget an image");
  out.add_option("TAG", options->tag, "As `image list` shows it").required();
  finish_admin(out, kImagePage, options, remove);
}

}  // namespace ionian::cli
