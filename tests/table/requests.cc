#include "requests.h"

#include <algorithm>
#include <span>

namespace ionian::server {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string short_name(const std::string& path) {
  return path.starts_with(rpc::Table::kModal) ? path.substr(rpc::Table::kModal.size())
                                              : path.substr(1);
}

std::string object_for(const Objects& o, const std::string& method, const FieldDescriptor& field) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) return "";
  const std::string& name = field.name();
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (method.starts_with("WebhookToken") && is({"token_id"})) return o.proxy_token;
  if (method.starts_with("Environment") && is({"name", "current_name"}) &&
      method != "EnvironmentCreate")
    return o.environment_name;
  if (is({"principal_id"})) return o.service_user;
  if (is({"app_id", "existing_app_id"})) return o.app;
  if (is({"function_id", "existing_function_id"})) return o.function;
  if (is({"class_id", "existing_class_id"})) return o.class_;
  if (is({"image_id", "existing_image_id"})) return o.image;
  if (is({"mount_id", "mount_ids", "context_mount_id"})) return o.mount;
  if (is({"secret_id", "secret_ids"})) return o.secret;
  if (is({"dict_id"})) return o.dict;
  if (is({"queue_id"})) return o.queue;
  if (is({"volume_id"})) return o.volume;
  if (is({"shared_volume_id"})) return o.shared_volume;
  if (is({"blob_id", "args_blob_id", "data_blob_id"})) return o.blob;
  if (is({"function_call_id"})) return o.call;
  if (is({"input_id"})) return o.input;
  if (is({"task_id"})) return o.task;
  if (is({"token_id", "token_ids"})) return o.token;
  if (is({"service_user_id"})) return o.service_user;
  if (is({"service_user_name"})) return o.service_user_name;
  if (is({"user_id"})) return o.user;
  if (is({"environment_id"})) return o.environment;
  if (is({"environment_name"})) return o.environment_name;
  return "";
}

void collect(const Descriptor& type, const std::string& method, const Objects& o, Path path,
             std::vector<Path>& found) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    Path here = path;
    here.push_back(field);
    if (!object_for(o, method, *field).empty()) found.push_back(here);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && here.size() < 3 &&
        !field->is_map())
      collect(*field->message_type(), method, o, here, found);
  }
}

static void set(Message& message, std::span<const FieldDescriptor* const> path,
                const std::string& value) {
  const google::protobuf::Reflection& r = *message.GetReflection();
  const FieldDescriptor* field = path.front();
  if (path.size() > 1) {
    Message* next = nullptr;
    if (!field->is_repeated())
      next = r.MutableMessage(&message, field);
    else
      next = r.FieldSize(message, field) ? r.MutableRepeatedMessage(&message, field, 0)
                                         : r.AddMessage(&message, field);
    return set(*next, path.subspan(1), value);
  }
  if (!field->is_repeated())
    r.SetString(&message, field, value);
  else if (r.FieldSize(message, field))
    r.SetRepeatedString(&message, field, 0, value);
  else
    r.AddString(&message, field, value);
}

std::string unknown_like(const std::string& id) {
  std::string other = id;
  for (std::size_t i = id.find('-') + 1; i < other.size(); ++i)
    if (std::isalnum(static_cast<unsigned char>(other[i]))) other[i] = 'Q';
  return other;
}

rpc::MessagePtr request_with(const rpc::Method& method, const std::vector<Path>& fields,
                             const Objects& own, const Path& field, const std::string& value) {
  rpc::MessagePtr made = method.make_request();
  for (const Path& other : fields)
    if (other != field) set(*made, other, object_for(own, short_name(method.path), *other.back()));
  set(*made, field, value);
  return made;
}

}  // namespace ionian::server
