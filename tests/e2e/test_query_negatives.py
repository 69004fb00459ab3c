"""Wrong requests of IAM, STS and SNS, generated from the API model: each is refused, says what is wrong, and changes nothing.

Every operation that the server implements is asked with a sample of each of its members; that passes validation, whatever comes after
it. Then every mutation of the sample (see `mutations.py`) is sent as a form.
"""

import botocore.session
import pytest

from form_query import FormCaller
from mutations import Place, of_structure, sample

REGION = "eu-central-1"
ACCOUNT = "555555555555"
SESSION = botocore.session.get_session()
MODELS = {name: SESSION.get_service_model(name) for name in ("iam", "sts", "sns")}
#: Where every value travels as text.
FORM = "form"


def whole_sample(shape):
    """A value with all of its members, required or not: a form cannot say that a structure is there and empty."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        return {name: whole_sample(member) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [whole_sample(shape.member)] * max(1, shape.metadata.get("min", 0))
    return sample(shape)


def form_mutations(operation, request):
    """The mutations of a form: every value travels as text."""
    if operation.input_shape is not None:
        all_of_them = of_structure(operation.input_shape, request, Place((), lambda value: value, FORM))
        # A form has no null.
        yield from (mutation for mutation in all_of_them if mutation.what != "with a null value")


def implemented(caller):
    """The operations that do not answer NotImplemented."""
    for name in caller.model.operation_names:
        operation = caller.model.operation_model(name)
        if caller.call(operation, {}).status != 501:
            yield operation


@pytest.fixture(scope="module", params=MODELS)
def caller(request, server):
    """For one service."""
    return FormCaller(server, MODELS[request.param], REGION, ACCOUNT)


def state(server):
    """Everything that IAM and SNS have in the account."""
    iam = server.client(service="iam", region=REGION, access_key=ACCOUNT)
    details = iam.get_account_authorization_details(Filter=["User", "Role", "Group", "LocalManagedPolicy"])
    kept = {name: details[name] for name in ("UserDetailList", "RoleDetailList", "GroupDetailList", "Policies")}
    summary = iam.get_account_summary()["SummaryMap"]
    aliases = iam.list_account_aliases()["AccountAliases"]
    sns = server.client(service="sns", region=REGION, access_key=ACCOUNT)
    topics, subscriptions = sns.list_topics()["Topics"], sns.list_subscriptions()["Subscriptions"]
    return kept, summary, aliases, topics, subscriptions


def test_every_operation_refuses_what_the_model_forbids(server, caller, subtests):
    count = 0
    for operation in implemented(caller):
        request = whole_sample(operation.input_shape)
        right = caller.call(operation, request)
        assert "validation error" not in right.message, f"{operation.name}: {right}"
        before = state(server)
        for mutation in form_mutations(operation, request):
            count += 1
            with subtests.test(msg=f"{operation.name} {mutation}"):
                answer = caller.call(operation, mutation.request)
                is_of_wrong_type = "wrong type" in mutation.what or "base64" in mutation.what
                code = "MalformedInput" if is_of_wrong_type else "ValidationError"
                assert (answer.status, answer.code) == (400, code), answer
                assert is_of_wrong_type or mutation.names() in answer.message, answer
                if mutation.expected:
                    assert mutation.expected in answer.message, answer
        assert state(server) == before, operation.name
    assert count > {"iam": 900, "sts": 60, "sns": 40}[caller.model.service_name], count


@pytest.mark.parametrize("body", [b"", b"Action", b"Action=", b"Action=NoSuchAction&Version=2010-05-08", b"%ff=%zz&Action=%00"])
def test_a_form_that_names_no_operation_is_refused(caller, body):
    answer = caller.send(body)
    assert 400 <= answer.status < 500 and answer.code in ("MissingAction", "InvalidAction", "ValidationError"), answer
