"""Certificates made at test time with openssl(1): an authority, and servers that it vouches for."""

import subprocess
from pathlib import Path


class Authority:
    """Files in `folder`: ca.pem, and NAME.pem with NAME.key for each server made."""

    def __init__(self, folder, name="Test authority"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = self.folder / "ca.key"
        self.file = self.folder / "ca.pem"
        self.openssl("req", "-x509", *self.new_key(self.key), "-subj", f"/CN={name}",
                     "-days", "2", "-out", self.file)

    @staticmethod
    def openssl(*words):
        done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True,
                              timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"openssl {words[0]}: {done.stderr}")
        return done.stdout

    @staticmethod
    def new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", path]

    def server(self, file_name, *names, days=2):
        """(certificate, key) for those names; IP addresses are written "IP:127.0.0.1"."""
        chain, key = self.folder / f"{file_name}.pem", self.folder / f"{file_name}.key"
        request, extension = self.folder / f"{file_name}.csr", self.folder / f"{file_name}.ext"
        alternatives = ",".join(n if n.startswith("IP:") else f"DNS:{n}" for n in names)
        extension.write_text(f"subjectAltName={alternatives}\n")
        self.openssl("req", "-new", *self.new_key(key), "-subj", f"/CN={file_name}", "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key,
                     "-CAcreateserial", "-days", days, "-extfile", extension, "-out", chain)
        key.chmod(0o600)
        return chain, key

    def digest(self, chain):
        """SHA-256 of the certificate, as openssl(1) writes it: "AB:CD:..."."""
        told = self.openssl("x509", "-in", chain, "-noout", "-fingerprint", "-sha256")
        return told.strip().partition("=")[2]

    def key_digest(self, chain):
        """SHA-256 of its public key in DER, in hex."""
        public = self.openssl("x509", "-in", chain, "-noout", "-pubkey")
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"],
                             input=public.encode(), capture_output=True, timeout=60, check=True)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-r"], input=der.stdout,
                              capture_output=True, timeout=60, check=True)
        return done.stdout.split()[0].decode()
