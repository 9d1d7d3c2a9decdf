#!/usr/bin/env python3
"""Runs a real proxy on a free loopback port: Squid or tinyproxy.

Usage: real_proxy.py squid|tinyproxy [USER:PASSWORD]
With credentials it asks for them. Says "listening on http://127.0.0.1:PORT/", and ends with its standard input. To Squid,
"known-to-the-proxy.test" and "xn--bcher-kva.test" are names of 127.0.0.1; nobody else knows them."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 20  # seconds
HOSTS = "127.0.0.1 localhost known-to-the-proxy.test xn--bcher-kva.test\n"

SQUID = """
http_port 127.0.0.1:{port}
visible_hostname squid.test
hosts_file {directory}/hosts
pid_filename {directory}/pid
cache_log {directory}/log
access_log none
cache_mem 1 MB
cache deny all
shutdown_lifetime 0 seconds
coredump_dir {directory}
logfile_rotate 0
pinger_enable off
{authentication}
http_access {allowed}
http_access deny all
"""
SQUID_AUTHENTICATION = """
auth_param basic program /usr/lib/squid/basic_ncsa_auth {directory}/users
auth_param basic children 1 startup=1
acl known proxy_auth REQUIRED
"""
TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 600
MaxClients 100
LogLevel Error
PidFile "{directory}/pid"
Allow 127.0.0.1
{authentication}
"""


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def squid(directory, port, credentials):
    authentication = ""
    if credentials:
        user, _, password = credentials.partition(":")
        words = ["openssl", "passwd", "-apr1", "-stdin"]
        hashed = subprocess.run(words, input=password, capture_output=True, text=True, check=True).stdout
        write(directory + "/users", user + ":" + hashed)
        authentication = SQUID_AUTHENTICATION.format(directory=directory)
    allowed = "allow known" if credentials else "allow all"
    write(directory + "/hosts", HOSTS)
    text = SQUID.format(directory=directory, port=port, authentication=authentication, allowed=allowed)
    write(directory + "/conf", text)
    return ["/usr/sbin/squid", "-N", "-f", directory + "/conf"]


def tinyproxy(directory, port, credentials):
    authentication = ""
    if credentials:
        user, _, password = credentials.partition(":")
        authentication = "BasicAuth %s %s" % (user, password)
    write(directory + "/conf", TINYPROXY.format(directory=directory, port=port, authentication=authentication))
    return ["tinyproxy", "-d", "-c", directory + "/conf"]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def is_listened_to(port):
    """By the kernel's word: to connect might be to connect to oneself, where nobody listens yet."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table]
    return any(row[1].endswith(":%04X" % port) and row[3] == "0A" for row in rows)


def start(make, directory, credentials):
    """The process, and its port, which somebody else may take in the meantime: it ends then, and is started again."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        port = free_port()
        words = make(directory, port, credentials)
        with open(directory + "/output", "w") as output:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        while process.poll() is None and time.monotonic() < limit:
            if is_listened_to(port):
                return process, port
            time.sleep(0.02)
        process.kill()
        process.wait()
    raise TimeoutError(open(directory + "/output").read())


def main(make, credentials=None):
    directory = tempfile.mkdtemp()
    os.chmod(directory, 0o777)  # Squid, begun by root, goes on as another user
    process, port = start(make, directory, credentials)
    try:
        print("listening on http://127.0.0.1:%d/" % port, flush=True)
        sys.stdin.read()
    finally:
        process.terminate()
        process.wait(PATIENCE)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main({"squid": squid, "tinyproxy": tinyproxy}[sys.argv[1]], *sys.argv[2:])
