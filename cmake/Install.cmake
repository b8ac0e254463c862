# Documents; the programs' install() rules stand beside their targets, those of
# units and the example configuration in image/.
install(FILES docs/man/keywarden.1 docs/man/keywarden-df2.1
  docs/man/keywarden-lemf.1
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/man/keywarden.conf.5
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES docs/man/keywardend.8
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES docs/OPERATING.md docs/DEPENDENCIES.md docs/PROTOCOL.md
  docs/HI2-PROFILES.md LICENSE
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
