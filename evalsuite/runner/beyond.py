"""What a target may reach of which nothing can be told afterwards."""

from __future__ import annotations

from typing import Final

REACHES: Final = {
    "socket.connect": "connects to",
    "socket.sendto": "sends to",
    "socket.sendmsg": "sends to",
    "subprocess.Popen": "starts",
    "os.system": "starts",
    "os.posix_spawn": "starts",
    "os.spawn": "starts",
    "os.exec": "starts",
    "os.fork": "forks",
    "os.forkpty": "forks",
    "os.startfile": "starts",
}
BLIND: Final = (
    # Clients that reach a service by sockets of their own,
    *("grpc", "pycurl", "curl_cffi", "primp", "uvloop", "zmq", "confluent_kafka"),
    *("psycopg", "psycopg2", "pymongo", "MySQLdb", "pymssql", "pyodbc", "oracledb"),
    # indexes and databases that read files of their own,
    *("faiss", "hnswlib", "usearch", "annoy", "chromadb", "lancedb", "duckdb", "tantivy"),
    *("lmdb", "rocksdict", "plyvel", "h5py", "tables", "llama_cpp", "vllm"),
    # and what starts processes or shares their memory; Python imports these when it is asked to.
    *("multiprocessing.popen_spawn_posix", "multiprocessing.popen_spawn_win32"),
    *("multiprocessing.popen_forkserver", "multiprocessing.shared_memory"),
)
