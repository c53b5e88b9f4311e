"""The messages of `router.proto`, under the names that `protoc` would give them.

They are made from the compiled description beside this file, by what is public in protobuf: code
that `protoc` writes would run with the release it comes from and the next alone. `make protos`
compiles the description anew; who wants code of their own finds `router.proto` here.
"""

from __future__ import annotations

from importlib import resources

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_COMPILED = resources.files("routelab.serve.grpc").joinpath("router.binpb").read_bytes()
_POOL = descriptor_pool.Default()
(_FILE,) = descriptor_pb2.FileDescriptorSet.FromString(_COMPILED).file
_POOL.AddSerializedFile(_FILE.SerializeToString())
DESCRIPTOR = _POOL.FindFileByName(_FILE.name)
globals().update(
    {
        name: message_factory.GetMessageClass(message)
        for name, message in DESCRIPTOR.message_types_by_name.items()
    }
)
