"""Amazon's own client sets up a key in moto: what it wraps, the keys in clear, and who may unwrap them; as JSON.

From then on moto checks with botocore's code what each request is signed with, and its rights.
"""

import base64
import importlib
import json
import os
import sys
from typing import Any

import httpx2

REGION = "eu-central-1"
ALLOWED = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}}
ASSUMED = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}}


def main(url: str) -> dict[str, Any]:
    """Set up what the test needs, and return it."""
    made = {"endpoint_url": url, "region_name": REGION, "aws_access_key_id": "any", "aws_secret_access_key": "any"}
    boto3 = importlib.import_module("boto3")
    kms, iam, sts = (boto3.client(name, **made) for name in ("kms", "iam", "sts"))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/walker", TargetKeyId=key)
    wrapped = [
        kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")["CiphertextBlob"],
        kms.encrypt(KeyId=key, Plaintext=os.urandom(32))["CiphertextBlob"],
    ]
    clear = [kms.decrypt(CiphertextBlob=blob, KeyId=key)["Plaintext"] for blob in wrapped]
    access = {}
    for name in ("walker", "stranger"):
        iam.create_user(UserName=name)
        access[name] = iam.create_access_key(UserName=name)["AccessKey"]
    iam.put_user_policy(UserName="walker", PolicyName="unwrap", PolicyDocument=json.dumps(ALLOWED))
    role = iam.create_role(RoleName="walker", AssumeRolePolicyDocument=json.dumps(ASSUMED))["Role"]["Arn"]
    iam.put_role_policy(RoleName="walker", PolicyName="unwrap", PolicyDocument=json.dumps(ALLOWED))
    assumed = sts.assume_role(RoleArn=role, RoleSessionName="start")["Credentials"]
    httpx2.post(f"{url}/moto-api/reset-auth", content=b"0", trust_env=False).raise_for_status()
    return {
        "key": key,
        "alias": f"{key.rpartition(':')[0]}:alias/walker",
        "wrapped": [base64.b64encode(blob).decode() for blob in wrapped],
        "clear": [base64.b64encode(plain).decode() for plain in clear],
        "access": {name: f"{one['AccessKeyId']}:{one['SecretAccessKey']}" for name, one in access.items()},
        "assumed": ":".join(assumed[part] for part in ("AccessKeyId", "SecretAccessKey", "SessionToken")),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])))
