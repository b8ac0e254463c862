#!/usr/bin/env python3
"""Where p11fault's token stands (KW_P11_SERVER): to each "?" it says "!".

	token_server.py tcp PORT | local PATH
"""
import socket
import sys

if sys.argv[1] == "tcp":
    server = socket.create_server(("127.0.0.1", int(sys.argv[2])))
else:
    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[2])
    server.listen()
print("ready", flush=True)
while True:
    with server.accept()[0] as connection:
        if connection.recv(1) == b"?":
            print("asked", flush=True)
            connection.sendall(b"!")
