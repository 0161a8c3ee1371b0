#!/usr/bin/env python3
"""Decrypts one recording with Python's `cryptography`: the yardstick for `sync-qm recordings decrypt`.

decrypt_by_hand.py DETAILS KEY IN OUT

It does what a careful script would do: it reads the file twice in constant memory. The first pass verifies the tag and throws
the plaintext away, the second one writes it under a passing name, which becomes OUT when the tag has been verified once more.
"""

import base64
import json
import os
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TAG = 16
# The fastest of 64 KiB, 256 KiB, 1 MiB and 4 MiB where this was written.
CHUNK = 256 * 1024


def main():
    details_file, key_file, source, target = sys.argv[1:]
    with open(details_file, encoding="utf-8") as file:
        details = json.load(file)
    with open(key_file, "rb") as file:
        private = serialization.load_pem_private_key(file.read(), password=None)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    key = private.decrypt(base64.b64decode(details["encrypted_cek"]), oaep)
    iv = base64.b64decode(details["iv"])
    with open(source, "rb", buffering=0) as file:
        length = os.fstat(file.fileno()).st_size - TAG
        file.seek(length)
        tag = file.read(TAG)

        def run(release):
            file.seek(0)
            decryptor = Cipher(algorithms.AES(key), modes.GCM(iv, tag)).decryptor()
            chunk, plain = memoryview(bytearray(CHUNK)), memoryview(bytearray(CHUNK + 16))
            left = length
            while left:
                read = file.readinto(chunk[: min(CHUNK, left)])
                if not read:
                    raise SystemExit("the file was cut meanwhile")
                release(plain[: decryptor.update_into(chunk[:read], plain)])
                left -= read
            decryptor.finalize()

        run(lambda plain: None)
        passing = f"{target}.part"
        with open(passing, "wb", buffering=0) as out:
            run(out.write)
        os.rename(passing, target)


main()
