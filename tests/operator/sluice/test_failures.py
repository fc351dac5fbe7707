"""What AWS's own errors become for the operator."""

from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from sluice.failures import NO_CREDENTIALS, Failure, aws_failure


def client_error(code: str) -> ClientError:
    """AWS's refusal of PutParameter with *code*."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutParameter")


def test_credentials_that_aws_does_not_know_are_named_as_the_cause() -> None:
    """The text has the command that shows whose they are; any other refusal is passed on as it is."""
    foreign, other = aws_failure(client_error("ExpiredToken")), aws_failure(client_error("AccessDeniedException"))

    assert foreign.code == other.code == 1
    assert foreign.text.endswith("See whose they are: aws sts get-caller-identity")
    assert other.text == str(client_error("AccessDeniedException"))


def test_where_nobody_was_asked_the_exit_code_says_why() -> None:
    """2 for missing credentials, which the operator can set; 3 for an endpoint that does not answer."""
    silent = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    assert aws_failure(NoCredentialsError()) == Failure(NO_CREDENTIALS, 2)
    assert aws_failure(silent) == Failure(str(silent), 3)
