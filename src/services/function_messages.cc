// The several messages in which one function travels.
#include "services/functions.h"

namespace ionian::services {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void copy_repeated(const Message& from, const FieldDescriptor& f, Message& to,
                   const FieldDescriptor& t) {
  const Reflection *fr = from.GetReflection(), *tr = to.GetReflection();
  for (int i = 0; i < fr->FieldSize(from, &f); ++i) switch (t.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        tr->AddMessage(&to, &t)->MergeFromString(
            fr->GetRepeatedMessage(from, &f, i).SerializeAsString());
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        tr->AddString(&to, &t, fr->GetRepeatedString(from, &f, i));
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        tr->AddEnumValue(&to, &t, fr->GetRepeatedEnumValue(from, &f, i));
        break;
      default:
        CHECK(false);  // the wire has no other repeated field that both messages share
    }
}

void copy_single(const Message& from, const FieldDescriptor& f, Message& to,
                 const FieldDescriptor& t) {
  const Reflection *fr = from.GetReflection(), *tr = to.GetReflection();
  if (!fr->HasField(from, &f)) return;
  switch (t.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      tr->MutableMessage(&to, &t)->CopyFrom(fr->GetMessage(from, &f));
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      tr->SetString(&to, &t, fr->GetString(from, &f));
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      tr->SetEnumValue(&to, &t, fr->GetEnumValue(from, &f));
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      tr->SetBool(&to, &t, fr->GetBool(from, &f));
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      tr->SetUInt32(&to, &t, fr->GetUInt32(from, &f));
      break;
    case FieldDescriptor::CPPTYPE_INT32:
      tr->SetInt32(&to, &t, fr->GetInt32(from, &f));
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      tr->SetUInt64(&to, &t, fr->GetUInt64(from, &f));
      break;
    default:
      CHECK(false);
  }
}

// Function and FunctionData repeat each other's fields under the same names but other numbers.
void copy_shared_fields(const Message& from, Message& to) {
  for (int i = 0; i < to.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& t = *to.GetDescriptor()->field(i);
    const FieldDescriptor* f = from.GetDescriptor()->FindFieldByName(t.name());
    if (!f || f->cpp_type() != t.cpp_type() || f->is_repeated() != t.is_repeated()) continue;
    t.is_repeated() ? copy_repeated(from, *f, to, t) : copy_single(from, *f, to, t);
  }
}

template <class From>
void fill_handle(modal::client::FunctionHandleMetadata& handle, const From& from) {
  handle.set_function_name(from.function_name());
  handle.set_function_type(from.function_type());
  handle.set_web_url(from.web_url());
  *handle.mutable_function_schema() = from.function_schema();
  *handle.mutable_supported_input_formats() = from.supported_input_formats();
  *handle.mutable_supported_output_formats() = from.supported_output_formats();
}

}  // namespace

modal::client::FunctionData data_of(const modal::client::Function& definition) {
  modal::client::FunctionData data;
  copy_shared_fields(definition, data);
  auto* ranked = data.add_ranked_functions();
  ranked->set_rank(0);
  *ranked->mutable_function() = definition;
  // The other alternatives of a list of GPUs.
  for (const auto& alternative : definition._experimental_task_templates()) {
    if (alternative.rank() == 0) continue;
    ranked = data.add_ranked_functions();
    ranked->set_rank(alternative.rank());
    *ranked->mutable_function() = definition;
    *ranked->mutable_function()->mutable_resources() = alternative.resources();
  }
  return data;
}

modal::client::FunctionHandleMetadata handle_of(const store::Function& record,
                                                const modal::client::Function& d) {
  modal::client::FunctionHandleMetadata handle;
  fill_handle(handle, d);
  handle.set_is_method(d.is_method());
  handle.set_definition_id(record.definition_id);
  handle.set_app_id(record.app.str());
  if (d.has_class_parameter_info())
    *handle.mutable_class_parameter_info() = d.class_parameter_info();
  for (const auto& [name, method] : d.method_definitions()) {
    auto& of_method = (*handle.mutable_method_handle_metadata())[name];
    fill_handle(of_method, method);
    of_method.set_is_method(true);
    of_method.set_use_method_name(name);
    of_method.set_app_id(record.app.str());
  }
  return handle;
}

std::vector<core::Device> offered_devices(const Context& c) {
  std::vector<core::Device> all;
  all.reserve(c.devices.size());
  for (const worker::CdiDevice& device : c.devices)
    all.push_back({.name = device.name, .type = device.type});
  return all;
}

std::vector<core::GpuWish> gpus_of(const modal::client::Function& d) {
  std::vector<core::GpuWish> wishes;
  const auto add = [&](const modal::client::Resources& resources) {
    const auto& gpu = resources.gpu_config();
    if (gpu.count() > 0 || !gpu.gpu_type().empty())
      wishes.push_back({.type = gpu.gpu_type(), .count = gpu.count()});
  };
  std::vector<const modal::client::TaskTemplate*> ranked;
  for (const auto& alternative : d._experimental_task_templates()) ranked.push_back(&alternative);
  std::ranges::stable_sort(ranked, {}, &modal::client::TaskTemplate::rank);
  for (const auto* alternative : ranked) add(alternative->resources());
  if (ranked.empty()) add(d.resources());
  return wishes;
}

core::FunctionConfig config_of(const store::Function& record, const modal::client::Function& d,
                               const WorkspaceId& workspace) {
  core::FunctionConfig c;
  c.id = record.id;
  c.app = record.app;
  c.workspace = workspace;
  c.tag = record.tag;
  if (d.timeout_secs()) c.timeout = 1s * d.timeout_secs();
  // The clients send `timeout` in its place where a program sets none. A short bound on an input
  // says nothing about how long its container may take to start.
  const auto startup = 1s * d.startup_timeout_secs();
  c.startup_timeout =
      startup == c.timeout || startup == 0s ? std::max(c.startup_timeout, c.timeout) : startup;
  const auto& scaling = d.autoscaler_settings();
  const auto first_of = [](bool has, std::uint32_t set, std::uint32_t older) {
    return has ? set : older;
  };
  c.min_containers =
      first_of(scaling.has_min_containers(), scaling.min_containers(), d.warm_pool_size());
  c.max_containers =
      first_of(scaling.has_max_containers(), scaling.max_containers(), d.concurrency_limit());
  c.buffer_containers = first_of(scaling.has_buffer_containers(), scaling.buffer_containers(),
                                 d._experimental_buffer_containers());
  const std::uint32_t window = first_of(scaling.has_scaledown_window(), scaling.scaledown_window(),
                                        d.task_idle_timeout_secs());
  if (window) c.scaledown_window = 1s * window;
  c.max_concurrent_inputs = std::max(1u, d.max_concurrent_inputs());
  c.target_concurrent_inputs = d.target_concurrent_inputs();
  // Clients before 1.0 say it the second way.
  c.single_use = d.single_use_containers() || d.max_inputs() == 1;
  c.batch_max_size = d.batch_max_size();
  c.batch_linger = 1ms * d.batch_linger_ms();
  c.memory_limit_mib = d.resources().memory_mb_max();
  c.gpus = gpus_of(d);
  if (d.is_builder_function())
    c.max_containers = 1, c.min_containers = c.buffer_containers = 0, c.scaledown_window = 2s;
  if (d.has_retry_policy()) {
    c.retry.retries = d.retry_policy().retries();
    c.retry.backoff_coefficient = d.retry_policy().backoff_coefficient();
    c.retry.initial_delay = 1ms * d.retry_policy().initial_delay_ms();
    c.retry.max_delay = 1ms * d.retry_policy().max_delay_ms();
  }
  return c;
}

}  // namespace ionian::services
