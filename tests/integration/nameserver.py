"""dnsmasq as the domain name system: private, on loopback, with the records of a test."""

import shutil
import signal
import tempfile
from pathlib import Path

from house import Process, eventually, free_port

NULL_MX = "nowhere"  # as an exchanger: the record of RFC 7505


class NameServer:
    """`mx`: {domain: [(preference, exchanger)]}; `addresses`: {host: address}."""

    def __init__(self, mx, addresses):
        self.folder = Path(tempfile.mkdtemp(prefix="cordon-dns-"))
        self.port = free_port()
        lines = [f"port={self.port}", "listen-address=127.0.0.1", "bind-interfaces", "no-resolv",
                 "no-hosts", "no-daemon", "log-queries", "log-facility=-", "user=root",
                 "local=/example/"]
        for domain, exchangers in mx.items():
            for preference, exchanger in exchangers:
                # Type 15 in octets: preference 0, the root.
                lines.append(f"dns-rr={domain},15,000000" if exchanger == NULL_MX
                             else f"mx-host={domain},{exchanger},{preference}")
        lines += [f"host-record={host},{address}" for host, address in addresses.items()]
        (self.folder / "dnsmasq.conf").write_text("\n".join(lines) + "\n")
        self.process = Process(["/usr/sbin/dnsmasq", f"--conf-file={self.folder}/dnsmasq.conf",
                                "--pid-file="], self.folder / "dnsmasq.log")
        eventually(lambda: "started" in self.log() or not self.process.alive(), "dnsmasq runs")
        if not self.process.alive():
            raise AssertionError(self.log())

    def log(self):
        return (self.folder / "dnsmasq.log").read_text(errors="replace")

    def asked(self, kind, name):
        """How many times; kind as dnsmasq writes it: "MX", "A"."""
        return self.log().count(f"query[{kind}] {name} ")

    def stop(self):
        if self.process.alive():
            self.process.child.send_signal(signal.SIGCONT)  # a test may have stopped it
            self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
