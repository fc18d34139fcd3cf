# embed_text(OUT.cc NAMESPACE NAME FILE): FILE's text as `const std::string_view NAMESPACE::NAME`.
function(embed_text out namespace name file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  set_property(SOURCE ${out} PROPERTY SKIP_PRECOMPILE_HEADERS ON)
  file(READ ${file} text)
  file(CONFIGURE OUTPUT ${out} @ONLY CONTENT
       "#include <string_view>\nnamespace ${namespace} {\nextern const std::string_view ${name};\nconst std::string_view ${name} = R\"~~~(${text})~~~\";\n}\n")
endfunction()
