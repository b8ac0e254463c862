# ASN1C, MODULES (commas between), DIR: run asn1c there; CC, AR, ARCHIVE:
# compile what it wrote.
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${DIR}
    RESULT_VARIABLE rc OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT rc EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${rc}\n${out}")
  endif()
endfunction()

string(REPLACE "," ";" modules "${MODULES}")
file(REMOVE_RECURSE ${DIR})
file(MAKE_DIRECTORY ${DIR})
run(${ASN1C} -fcompound-names ${modules})
file(GLOB sources RELATIVE ${DIR} ${DIR}/*.c)
list(FILTER sources EXCLUDE REGEX "^converter-.*")
run(${CC} -w -O1 -fPIC -I. -c ${sources})
file(GLOB objects RELATIVE ${DIR} ${DIR}/*.o)
file(REMOVE ${ARCHIVE})
run(${AR} rcs ${ARCHIVE} ${objects})
