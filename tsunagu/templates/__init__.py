"""Templates of CloudFormation, as `cdk synth` writes them: read without the CDK, so that operations may do it too."""
