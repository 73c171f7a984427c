"""nginx's mail proxy, passing mail through to a sink that stores nothing."""

import shutil

import house
from peers import SinkPeer, private_folder
from processes import ProcessGroup

NGINX = """
daemon off;
worker_processes auto;
worker_rlimit_nofile 65536;
load_module {modules}/ngx_mail_module.so;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 32768; }}
mail {{
  server_name proxy.example;
  auth_http 127.0.0.1:{auth_port}/;
  timeout 1h;
  proxy_smtp_auth off;
  xclient off;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    protocol smtp;
    smtp_auth none;
    smtp_client_buffer {client_buffer};
    smtp_capabilities "SIZE 0" 8BITMIME;
  }}
}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{auth_port} backlog=4096;
    location / {{
      add_header Auth-Status OK;
      add_header Auth-Server 127.0.0.1;
      add_header Auth-Port {sink_port};
      return 204;
    }}
  }}
}}
"""


class NginxPeer:
    name = "nginx"
    NOTE = ("mail proxy, one worker a core, smtp_auth none, auth_http answered from memory by the "
            "same nginx; passes through to the sink. smtp_client_buffer is 128k: with its own 4k "
            "nginx waits 44 ms a message (content and dot in two writes, Nagle)")
    MODULES = "/usr/lib/nginx/modules"

    def __init__(self, client_buffer="128k"):
        """With the buffer that it ships with nginx passes content and dot on in two writes, and
        Nagle keeps the second back for 44 ms. Each session has one from its first command."""
        self.client_buffer = client_buffer
        self.folder = private_folder(self.name)
        self.group = ProcessGroup(self.name)
        self.port = house.free_port()
        self.sink = SinkPeer()
        self.process = None

    def start(self):
        self.sink.start()
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(modules=self.MODULES, folder=self.folder, port=self.port,
                                       client_buffer=self.client_buffer,
                                       auth_port=house.free_port(), sink_port=self.sink.port))
        self.process = house.Process(
            self.group.inside(["/usr/sbin/nginx", "-c", config, "-e", self.folder / "error.log"]),
            self.folder / "nginx.log")
        self.group.first = self.process.child.pid
        house.eventually(lambda: house.port_open(self.port), "nginx listens")
        return self

    def has(self, count):
        return self.sink.has(count)

    def stop(self):
        if self.process:
            self.process.stop()
        self.sink.stop()
        self.group.close()
        shutil.rmtree(self.folder, ignore_errors=True)
