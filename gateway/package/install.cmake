# SPDX-License-Identifier: Apache-2.0
# What is installed, and the Debian package made of it (cpack -G DEB; ./build calls it). Below lib/parley the tree is as in the
# source, so that programs find their files in the same places.
if(CMAKE_INSTALL_PREFIX_INITIALIZED_TO_DEFAULT)
  set(CMAKE_INSTALL_PREFIX /usr CACHE PATH "where it is installed" FORCE)
endif()
set(parley_home lib/parley)
install(TARGETS parleyd parley RUNTIME DESTINATION ${parley_home}/bin)
get_property(parley_connectors GLOBAL PROPERTY PARLEY_CONNECTORS)
list(REMOVE_ITEM parley_connectors connector_pager) # the example of connectors/README.md
install(TARGETS ${parley_connectors} LIBRARY DESTINATION ${parley_home}/bin/connectors)
foreach(folder gateway/web/dist gateway/chat/dist gateway/api/openapi config/texts config/flows config/packs)
  if(EXISTS ${CMAKE_SOURCE_DIR}/${folder})
    get_filename_component(parent ${folder} DIRECTORY)
    install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder} DESTINATION ${parley_home}/${parent})
  endif()
endforeach()
install(FILES ${CMAKE_SOURCE_DIR}/router/language.model DESTINATION ${parley_home}/router)
install(FILES ${CMAKE_SOURCE_DIR}/config/demo.json ${CMAKE_SOURCE_DIR}/config/office.json ${CMAKE_SOURCE_DIR}/config/parley.schema.json DESTINATION ${parley_home}/config)
install(CODE "
  function(parley_link to from)
    get_filename_component(folder \"\$ENV{DESTDIR}\${from}\" DIRECTORY)
    file(MAKE_DIRECTORY \"\${folder}\")
    file(CREATE_LINK \"\${to}\" \"\$ENV{DESTDIR}\${from}\" SYMBOLIC)
  endfunction()
  parley_link(../lib/parley/bin/parley \${CMAKE_INSTALL_PREFIX}/bin/parley)
  parley_link(../lib/parley/bin/parleyd \${CMAKE_INSTALL_PREFIX}/sbin/parleyd)
  parley_link(/var/lib/parley \${CMAKE_INSTALL_PREFIX}/${parley_home}/var)")

set(parley_package ${CMAKE_CURRENT_LIST_DIR})
install(FILES ${parley_package}/parley.json DESTINATION /etc/parley)
install(FILES ${parley_package}/parley.service DESTINATION lib/systemd/system)
install(DIRECTORY ${parley_package}/proxy ${parley_package}/watch DESTINATION share/doc/parley/examples)
install(FILES ${parley_package}/README.md DESTINATION share/doc/parley)
install(FILES ${parley_package}/copyright ${CMAKE_SOURCE_DIR}/CHANGELOG.md DESTINATION share/doc/parley)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME parley)
set(CPACK_PACKAGE_VENDOR "Parley")
set(CPACK_PACKAGE_CONTACT "The Parley developers <parley@localhost>")
set(CPACK_PACKAGE_HOMEPAGE_URL "")
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "adduser, ca-certificates, libwebsockets-evlib-uv, redis-server (>= 5:7.0), tzdata")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "caddy | haproxy | nginx")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "omnichannel messaging gateway for contact centres")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "People write on the channel they trust; Parley makes all of it one thread for
each person and gives it to the agent who has the language, the topic and the
clearance. What people write is encrypted before it is kept.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${parley_package}/conffiles;${parley_package}/postinst;${parley_package}/prerm;${parley_package}/postrm")
include(CPack)
