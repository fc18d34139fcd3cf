# The wire protocol: fetched as the pinned wheel, split by resource, generated, built once as `ionian_proto`.
# -DIONIAN_MODAL_WHEEL=file.whl builds offline.
set(IONIAN_MODAL_WHEEL "" CACHE FILEPATH "The modal wheel whose descriptors define the wire; empty = fetch the pinned one")
set(IONIAN_CACHE "$ENV{IONIAN_CACHE}" CACHE PATH "Downloads that survive a clean build; empty = ~/.cache/ionian")
if(NOT IONIAN_CACHE)
  set(IONIAN_CACHE "$ENV{HOME}/.cache/ionian")
endif()

set(tools ${CMAKE_SOURCE_DIR}/tools)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${tools}/modal_wheel.txt ${tools}/split_proto.py)
find_program(IONIAN_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)

if(IONIAN_MODAL_WHEEL)
  set(wheel ${IONIAN_MODAL_WHEEL})
else()
  execute_process(COMMAND ${tools}/fetch-wheel ${IONIAN_CACHE}/wheels
                  OUTPUT_VARIABLE wheel OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()

set(proto_dir ${CMAKE_BINARY_DIR}/proto)
execute_process(COMMAND ${IONIAN_PYTHON} ${tools}/split_proto.py ${wheel} ${proto_dir} COMMAND_ERROR_IS_FATAL ANY)

find_package(Protobuf REQUIRED)
set(resources common app auth blob class client container dict domain environment function image map mount proxy
    queue sandbox secret sharedvolume task task_command_router token tunnel volume workspace)
list(TRANSFORM resources REPLACE "(.+)" "modal_proto/\\1.proto" OUTPUT_VARIABLE proto_files)
list(TRANSFORM resources REPLACE "(.+)" "${proto_dir}/modal_proto/\\1.pb.cc" OUTPUT_VARIABLE proto_sources)
list(TRANSFORM resources REPLACE "(.+)" "${proto_dir}/modal_proto/\\1.pb.h" OUTPUT_VARIABLE proto_headers)
add_custom_command(
  OUTPUT ${proto_sources} ${proto_headers}
  COMMAND protobuf::protoc --descriptor_set_in=${proto_dir}/modal.bin --cpp_out=code_size:${proto_dir} ${proto_files}
  DEPENDS ${proto_dir}/modal.bin
  COMMENT "generating the wire protocol")
# The small ones are compiled in two batches. Each has a table or two of the same name as all others, which gets one of its
# own here.
set(compiled ${proto_sources})
set(batch_1 auth blob class client container dict domain environment image map)
set(batch_2 mount proxy queue secret sharedvolume task token tunnel volume workspace)
foreach(batch batch_1 batch_2)
  set(text "#include \"modal_proto/common.pb.h\"\n")
  foreach(name ${${batch}})
    foreach(table schemas file_default_instances)
      string(APPEND text "#undef ${table}\n#define ${table} ${name}_${table}\n")
    endforeach()
    string(APPEND text "#include \"modal_proto/${name}.pb.cc\"\n")
    set_source_files_properties(${proto_dir}/modal_proto/${name}.pb.cc PROPERTIES HEADER_FILE_ONLY ON)
  endforeach()
  file(CONFIGURE OUTPUT ${proto_dir}/${batch}.cc CONTENT "${text}" @ONLY)
  list(APPEND compiled ${proto_dir}/${batch}.cc)
endforeach()
# Generated code is not ours to warn about, and debug information would triple its size.
add_library(ionian_proto STATIC ${compiled})
target_compile_options(ionian_proto PRIVATE -O1 -w -g0)
target_include_directories(ionian_proto SYSTEM PUBLIC ${proto_dir})
target_link_libraries(ionian_proto PUBLIC ionian_deps)
target_precompile_headers(ionian_proto PRIVATE <modal_proto/common.pb.h>)

# ionian_proto_library(NAME FILE...): messages of our own between our own parts, next to the code that owns them.
function(ionian_proto_library name)
  foreach(file ${ARGN})
    get_filename_component(dir ${file} DIRECTORY)
    get_filename_component(stem ${file} NAME_WE)
    set(out ${CMAKE_BINARY_DIR}/own_proto/${dir}/${stem})
    add_custom_command(
      OUTPUT ${out}.pb.cc ${out}.pb.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/own_proto
      COMMAND protobuf::protoc -I${CMAKE_SOURCE_DIR}/src --cpp_out=${CMAKE_BINARY_DIR}/own_proto ${CMAKE_SOURCE_DIR}/src/${file}
      DEPENDS ${CMAKE_SOURCE_DIR}/src/${file})
    list(APPEND sources ${out}.pb.cc)
  endforeach()
  add_library(${name} STATIC ${sources})
  target_compile_options(${name} PRIVATE -O1 -w -g0)
  target_include_directories(${name} SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/own_proto)
  target_link_libraries(${name} PUBLIC ionian_deps)
  target_precompile_headers(${name} REUSE_FROM ionian_proto)
endfunction()
