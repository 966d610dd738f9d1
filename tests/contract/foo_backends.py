"""The backends that the how-to of storage backends shows, word for word but for imports: one file, as a user has it.

What the how-to leaves open (``...``) is filled in the simplest way; its ``self.date_store`` is read as ``data_store``.
"""
# ruff: noqa: ANN001, ANN003, ANN201, ANN204, ANN206, F841, Q000, RET504, UP032 -- the code of our users, as they write it
# fmt: off
# mypy: ignore-errors

import json
from io import BytesIO
from pathlib import Path

from omega_ml import BaseDataBackend, BaseModelBackend, GridFSProxy


class FooRowsBackend(BaseDataBackend):
    def put(self, obj, name, **kwargs):
        # store obj in collection
        collection = self.data_store.collection(name)
        collection.insert_many([dict(item) for item in obj])
        # create meta data
        meta = self.data_store.make_metadata(name, 'foo.rows')
        meta.collection = collection
        return meta.save()

    def get(self, name, **kwargs):
        meta = self.data_store.metadata(name)
        return [{k: v for k, v in item.items() if k != '_id'} for item in meta.collection.find()]


class FooFileBackend(BaseDataBackend):
    def put(self, obj, name, **kwargs):
        # store obj in gridfs
        filename = self.data_store.object_store_key(name, 'foo')
        buf = BytesIO(obj)
        fileid = self.data_store.fs.put(buf, filename=filename)
        # create meta data
        meta = self.data_store.make_metadata(name, 'foo.file')
        meta.gridfile = GridFSProxy(grid_id=fileid)
        return meta.save()

    def get(self, name, **kwargs):
        meta = self.data_store.metadata(name)
        return meta.gridfile.read()


class FooService:
    """Some service outside of the store: a folder."""

    folder = Path('foofs')

    def put(self, obj, filename=None):
        self.folder.mkdir(exist_ok=True)
        (self.folder / filename).write_bytes(obj)
        return filename

    def get(self, uri):
        return (self.folder / uri.replace('foofs://', '')).read_bytes()


class FooUriBackend(BaseDataBackend):
    def put(self, obj, name, **kwargs):
        # store obj in some external file system
        filename = self.data_store.object_store_key(name, 'foo')
        buf = BytesIO(obj)
        # get instance of external file system and create file URI
        # note the URI can be anything as long as your get method knows how
        # to dereference
        foofs = FooService()
        fileid = foofs.put(obj, filename=filename)
        uri = 'foofs://{}'.format(fileid)
        # create meta data
        meta = self.data_store.make_metadata(name, 'foo.uri')
        meta.uri = uri
        return meta.save()

    def get(self, name, **kwargs):
        # get metadata and URI
        meta = self.data_store.metadata(name)
        uri = meta.uri
        # get object back using some service that understands this uri
        service = FooService()
        obj = service.get(uri)
        return obj


class FooDataBackend(BaseDataBackend):
    """Keeps text in a file of its own folder, always in the same place."""

    KIND = 'foo.data'

    @classmethod
    def supports(cls, obj, name, **kwargs):
        return isinstance(obj, str) and obj.startswith('foo')

    def put(self, obj, name, **kwargs):
        # code to store the object
        FooService().put(obj.encode(), filename=self.data_store.object_store_key(name, 'foo'))
        # create or update the metadata object
        kind = self.KIND
        meta = self.data_store.metadata(name)
        if meta is None:
           meta = self.data_store.make_metadata(name, kind)
        # always save the Metadata instance before returning
        return meta.save()

    def get(self, name, **kwargs):
        # code to retrieve the object
        obj = FooService().get(self.data_store.object_store_key(name, 'foo')).decode()
        return obj


class FooModel:
    """A model that predicts the mean of the Y it has seen, plus each X."""

    def __init__(self, mean=None):
        self.mean = mean


class FooModelBackend(BaseModelBackend):
    KIND = 'foo.model'

    @classmethod
    def supports(cls, obj, name, **kwargs):
        return isinstance(obj, FooModel)

    def put(self, obj, name, **kwargs):
        filename = self.model_store.object_store_key(name, 'foo')
        buf = BytesIO(json.dumps(obj.mean).encode())
        fileid = self.model_store.fs.put(buf, filename=filename)
        meta = self.model_store.make_metadata(name, self.KIND)
        meta.gridfile = GridFSProxy(grid_id=fileid)
        return meta.save()

    def get(self, name, **kwargs):
        return FooModel(json.loads(self.model_store.metadata(name).gridfile.read()))

    def fit(self, modelname, Xname, Yname=None, pure_python=True, **kwargs):
        model = self.model_store.get(modelname)
        Y = [item['y'] for item in self.data_store.get(Yname or Xname)]
        model.mean = sum(Y) / len(Y)
        return self.model_store.put(model, modelname)

    def predict(self, modelname, Xname, rName=None, pure_python=True, **kwargs):
        model = self.model_store.get(modelname)
        result = [{'y': model.mean + item['x']} for item in self.data_store.get(Xname)]
        if rName:
            return self.data_store.put(result, rName, kind='foo.rows')
        return result
