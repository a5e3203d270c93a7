"""What the wire says of verifiers is what runs: each example is accepted, and describes its parameters."""

import pytest
from jsonschema import Draft202012Validator

from camel_ext.verifiers import Verifier, list_verifiers, read_params
from tests.conftest import House

# Tests elsewhere register verifiers of their own, in the same process.
BY_NAME = {
    each.name: each for each in list_verifiers() if each.params.__module__.startswith("camel_ext.")
}


async def test_they_are_listed_with_what_each_takes(house: House) -> None:
    every = (await house.client.get("/api/v1/verifiers")).json()
    listed = [each for each in every if each["name"] in BY_NAME]
    assert [each["name"] for each in listed] == sorted(BY_NAME)
    by_name = {each["name"]: each for each in listed}
    assert by_name["length"]["parameters"]["properties"]["max"]["description"] == "At most so many."
    assert by_name["relevance"]["parameters"]["properties"]["to"]["x-per-subject"] == "prompt"
    assert [name for name, each in by_name.items() if each["slow"]] == ["camel"]
    assert all(each["description"] for each in listed)


@pytest.mark.parametrize("known", BY_NAME.values(), ids=BY_NAME)
def test_each_example_is_accepted_by_its_verifier_and_its_schema(known: Verifier) -> None:
    schema = known.params_schema
    Draft202012Validator.check_schema(schema)
    assert schema["examples"]
    for example in schema["examples"]:
        read_params(known.name, example)
        Draft202012Validator(schema).validate(example)
