# The include directions, held by the build: appliance -> {xk, hi2, policy,
# hsm} -> base.  A folder's headers are reachable only through a directory of
# links made for it, and only its own and base's are on a library's path, so a
# wrong include does not compile.
set(KW_INCLUDE_ROOT ${CMAKE_BINARY_DIR}/layers)

# kw_layer(NAME [MAY layer...] SOURCES file...): static library kw_NAME of this
# folder, whose headers others name as "NAME/x.h".
function(kw_layer name)
  cmake_parse_arguments(ARG "" "" "MAY;SOURCES" ${ARGN})
  set(dir ${KW_INCLUDE_ROOT}/${name})
  file(MAKE_DIRECTORY ${dir})
  if(NOT EXISTS ${dir}/${name})
    file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${dir}/${name} SYMBOLIC)
  endif()
  add_library(kw_${name} STATIC ${ARG_SOURCES})
  target_include_directories(kw_${name} PUBLIC ${dir})
  target_link_libraries(kw_${name} PRIVATE kw_flags)
  foreach(other IN LISTS ARG_MAY)
    target_link_libraries(kw_${name} PUBLIC kw_${other})
  endforeach()
endfunction()
