"""Why a command ends without a result, and what AWS's own errors ask of the operator."""

from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

REFUSED = 1
NOT_UNDERSTOOD = 2
NOT_REACHABLE = 3

NO_CREDENTIALS = (
    "No AWS credentials were found. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    " (AWS_SESSION_TOKEN too, if yours are temporary)."
)
NO_REGION = "Which AWS region? Give --region, or set AWS_REGION or the profile's region."
_FOREIGN = frozenset(
    {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "ExpiredToken"}
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What the command prints instead of a result, and the exit code that it ends with."""

    text: str
    code: int


def aws_failure(error: ClientError | BotoCoreError) -> Failure:
    """What to print where AWS refuses an operation (ClientError) or cannot be asked (BotoCoreError)."""
    if isinstance(error, ClientError):
        if error.response.get("Error", {}).get("Code", "") in _FOREIGN:
            return Failure(
                f"AWS does not take these credentials ({error}). See whose they are: aws sts get-caller-identity",
                REFUSED,
            )
        return Failure(str(error), REFUSED)
    if "credentials" in str(error):
        return Failure(NO_CREDENTIALS, NOT_UNDERSTOOD)
    return Failure(str(error), NOT_REACHABLE)
