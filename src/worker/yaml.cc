#include "worker/yaml.h"

#include <yaml.h>

#include <memory>

namespace ionian::worker {
namespace {

constexpr int kDepthMax = 32;
// Aliases may name a node again and again: a small text must not become a huge tree.
constexpr std::size_t kNodesMax = 100'000;

class Reader {
 public:
  explicit Reader(yaml_document_t& document) : document_(document) {}

  Result<nlohmann::json> read(int number, int depth) {
    const yaml_node_t* node = yaml_document_get_node(&document_, number);
    if (!node) return nlohmann::json();
    if (depth > kDepthMax || ++nodes_ > kNodesMax)
      return fail(Code::kInvalidArgument, "line ", node->start_mark.line + 1,
                  ": too much in too many levels");
    if (node->type == YAML_SCALAR_NODE) return text_of(*node);
    return node->type == YAML_SEQUENCE_NODE ? list(*node, depth) : object(*node, depth);
  }

 private:
  static std::string text_of(const yaml_node_t& node) {
    return {reinterpret_cast<const char*>(node.data.scalar.value), node.data.scalar.length};
  }
  Result<nlohmann::json> list(const yaml_node_t& node, int depth) {
    nlohmann::json all = nlohmann::json::array();
    for (auto item = node.data.sequence.items.start; item < node.data.sequence.items.top; ++item) {
      ASSIGN_OR_RETURN(nlohmann::json value, read(*item, depth + 1));
      all.push_back(std::move(value));
    }
    return all;
  }
  Result<nlohmann::json> object(const yaml_node_t& node, int depth) {
    nlohmann::json all = nlohmann::json::object();
    for (auto pair = node.data.mapping.pairs.start; pair < node.data.mapping.pairs.top; ++pair) {
      const yaml_node_t* key = yaml_document_get_node(&document_, pair->key);
      if (!key || key->type != YAML_SCALAR_NODE)
        return fail(Code::kInvalidArgument, "line ", node.start_mark.line + 1,
                    ": a key is no text");
      ASSIGN_OR_RETURN(nlohmann::json value, read(pair->value, depth + 1));
      all[text_of(*key)] = std::move(value);
    }
    return all;
  }

  yaml_document_t& document_;
  std::size_t nodes_ = 0;
};

}  // namespace

Result<nlohmann::json> parse_yaml(const std::string& text) {
  yaml_parser_t parser;
  CHECK(yaml_parser_initialize(&parser));
  const std::unique_ptr<yaml_parser_t, void (*)(yaml_parser_t*)> parser_end(&parser,
                                                                            yaml_parser_delete);
  yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()),
                               text.size());
  yaml_document_t document;
  if (!yaml_parser_load(&parser, &document))
    return fail(Code::kInvalidArgument, "line ", parser.problem_mark.line + 1, ": ",
                parser.problem ? parser.problem : "no YAML");
  const std::unique_ptr<yaml_document_t, void (*)(yaml_document_t*)> document_end(
      &document, yaml_document_delete);
  return Reader(document).read(1, 0);
}

}  // namespace ionian::worker
